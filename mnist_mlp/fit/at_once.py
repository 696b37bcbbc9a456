"""Networks of one recipe with different seeds, trained at once as batched matrix products.

Each has the first weights, the order of mini-batches, the distortions and the dropout masks that `mnist-mlp fit` with
its seed has, so that it becomes the same network but for rounding; only the calls of the matrix products are shared.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import torch
from jaxtyping import Float32, Int64
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, RMSprop
from torch.optim.lr_scheduler import LRScheduler

from mnist_mlp.bare_loop.after_step import after_each_step
from mnist_mlp.bare_loop.block import BareLoop
from mnist_mlp.bare_loop.threads import is_for_one_thread
from mnist_mlp.data.device_loader import DeviceLoader
from mnist_mlp.data.module import MNISTDataModule
from mnist_mlp.equations.penalties import strengths
from mnist_mlp.fit.session import TrainingSession, prepare
from mnist_mlp.fit.settings import laid_over
from mnist_mlp.network.stack import MLPStack
from mnist_mlp.training.classifier import MLPClassifier

AfterEpoch = Callable[[MLPClassifier, MNISTDataModule], bool]

JOINT_IMAGES = 2000  # 6 MB of pixels, which stay in the cache
ELEMENTWISE = (SGD, Adam, AdamW, RMSprop)  # they treat each number alike, wherever it stands


def prepare_all(trainings: Iterable[Mapping[str, Any]]) -> tuple[list[TrainingSession], list[torch.Generator]]:
    """Prepare trainings of `mnist-mlp fit`.

    Args:
        trainings: The settings of each, by section, as in `mnist_mlp.fit.prepare`.

    Returns:
        The sessions, and for each a random generator in the state in which its training starts.
    """
    sessions, generators = [], []
    for settings in trainings:
        session = prepare("fit", **laid_over(settings, {"trainer": {"enable_checkpointing": False}}))
        device = session.trainer.strategy.root_device
        generator = torch.Generator(device)
        if device.type == "cpu":
            generator.set_state(torch.get_rng_state())
        else:
            generator.manual_seed(session.datamodule.seed)
        session.datamodule.trainer = session.trainer
        sessions.append(session)
        generators.append(generator)
    return sessions, generators


def obstacle_to_a_stack(session: TrainingSession) -> str | None:
    """Why the networks of this recipe are not trained at once, or None."""
    trainer, model = session.trainer, session.model
    scheduler = session.config.model.scheduler
    obstacles = [
        ("callbacks", bool(session.config.trainer.callbacks)),
        ("clipping", bool(trainer.gradient_clip_val)),
        ("accumulation", trainer.accumulate_grad_batches != 1),
        ("a limit to the steps", trainer.max_steps != -1 or trainer.limit_train_batches not in (None, 1.0)),
        ("adversarial examples", bool(model.adversarial)),
        ("another precision", trainer.precision != "32-true"),
        ("a schedule that watches a metric", bool(scheduler) and "Plateau" in scheduler.class_path),
        ("its optimizer", not isinstance(model.optimizer(model.parameters()), ELEMENTWISE)),
        (
            "its size",
            not is_for_one_thread(session.datamodule.batch_size, sum(p.numel() for p in model.parameters())),
        ),
    ]
    return next((what for what, is_there in obstacles if is_there), None)


def train_at_once(
    sessions: Sequence[TrainingSession], generators: Sequence[torch.Generator], after_epoch: Sequence[AfterEpoch]
) -> list[bool]:
    """Train all networks until each has had its epochs, or has diverged, or its call says that it is done.

    Args:
        sessions: What `prepare_all` returned.
        generators: The same.
        after_epoch: For each network what is called after an epoch, with its model and the data, and says whether it
            goes on.

    Returns:
        For each network whether it is sound: one that diverges ends without a further call, and the others go on.
    """
    models = [session.model.to(generator.device) for session, generator in zip(sessions, generators, strict=True)]
    model, data = models[0], sessions[0].datamodule
    data.prepare_data()
    data.setup("fit")
    loaders = [_with_seed(data, session.datamodule.seed).train_dataloader() for session in sessions]
    n = len(data.train_images.labels)

    stack = MLPStack([each.mlp for each in models])
    optimizer = model.optimizer(stack.parameters())
    scheduler = cast(LRScheduler, model.scheduler(optimizer)) if model.scheduler else None
    per_step = [scheduler] if scheduler and model.scheduler_interval == "step" else []
    bare_loop = BareLoop(stack, *strengths(model.l1, model.l2, n), generators=generators)
    going = list(zip(models, after_epoch, strict=True))
    for epoch in range(sessions[0].trainer.max_epochs or 0):
        after_step = after_each_step(stack, optimizer, per_step, max_norm=model.max_norm)
        for xs, labels in joint_blocks(loaders, epoch):
            bare_loop.train(xs, labels, after_step)
        if scheduler and model.scheduler_interval == "epoch":
            scheduler.step()
        going = [(each, call) for each, call in going if _is_sound(each) and call(each, data)]
        if not going:
            break
    return [_is_sound(each) for each in models]


def _is_sound(model: MLPClassifier) -> bool:
    return all(bool(parameter.isfinite().all()) for parameter in model.parameters())


def _with_seed(data: MNISTDataModule, seed: int) -> MNISTDataModule:
    """The same images in the order of another seed."""
    other = copy.copy(data)
    other.seed = seed
    return other


def joint_blocks(
    loaders: Sequence[DeviceLoader], epoch: int
) -> Iterator[tuple[Float32[Tensor, "steps networks batch pixels"], Int64[Tensor, "steps networks batch"]]]:
    """The mini-batches of an epoch, some of each loader at a time."""
    images, _ = loaders[0].dataset.tensors
    batch_size = loaders[0].batch_sampler.batch_size
    for loader in loaders:
        loader.batch_sampler.sampler.set_epoch(epoch)
    steps, num_before = max(1, JOINT_IMAGES // (batch_size * len(loaders))), 0
    for blocks in zip(*(loader.batch_sampler.blocks(images.device, steps) for loader in loaders), strict=True):
        xs, labels = loaders[0].look_up(torch.stack(blocks, dim=1))
        for loader, x, classes in zip(loaders, xs.unbind(1), labels.unbind(1), strict=True):
            loader.distort(x, classes, num_before)
        num_before += len(xs)
        yield loaders[0].normalized(xs), labels
