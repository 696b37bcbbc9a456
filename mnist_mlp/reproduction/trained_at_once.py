"""Networks of one recipe with different seeds, trained at once as batched matrix products.

Each has the first weights, the order of mini-batches, the distortions and the dropout masks that `mnist-mlp fit` with
its seed has, so that it becomes the same network but for rounding; only the calls of the matrix products are shared.
"""

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
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
from mnist_mlp.fit import TrainingSession, prepare
from mnist_mlp.fit.settings import laid_over
from mnist_mlp.network.stack import MLPStack
from mnist_mlp.reproduction.epoch_curves import Curves

JOINT_IMAGES = 2000  # 6 MB of pixels, which stay in the cache
ELEMENTWISE = (SGD, Adam, AdamW, RMSprop)  # they treat each number alike, wherever it stands


def prepare_seeds(
    seeds: Sequence[int], config: Path | str | None = None, **settings: Any
) -> tuple[list[TrainingSession], list[torch.Generator]]:
    """Prepare the training of `mnist-mlp fit` with each of some seeds.

    Args:
        seeds: Non-negative integers.
        config: As in `mnist_mlp.fit.prepare`.
        **settings: The same.

    Returns:
        The sessions, and for each a random generator in the state in which its training starts.
    """
    sessions, generators = [], []
    for seed in seeds:
        own = {"seed_everything": seed, "trainer": {"enable_checkpointing": False}}
        session = prepare("fit", config, **laid_over(settings, own))
        device = session.trainer.strategy.root_device
        generator = torch.Generator(device)
        if device.type == "cpu":
            generator.set_state(torch.get_rng_state())
        else:
            generator.manual_seed(seed)
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


def train_together(
    sessions: Sequence[TrainingSession], generators: Sequence[torch.Generator], curves: Sequence[Curves]
) -> None:
    """Train all networks, and note their curves.

    Where a network diverges, its curves end and are not complete; the others go on.

    Args:
        sessions: What `prepare_seeds` returned.
        generators: The same.
        curves: One for each network.
    """
    models = [session.model.to(generator.device) for session, generator in zip(sessions, generators, strict=True)]
    model, data = models[0], sessions[0].datamodule
    data.prepare_data()
    data.setup("fit")
    if "test" in curves[0].splits:
        data.setup("test")
    loaders = [_with_seed(data, session.datamodule.seed).train_dataloader() for session in sessions]
    n = len(data.train_images.labels)

    stack = MLPStack([each.mlp for each in models])
    optimizer = model.optimizer(stack.parameters())
    scheduler = cast(LRScheduler, model.scheduler(optimizer)) if model.scheduler else None
    per_step = [scheduler] if scheduler and model.scheduler_interval == "step" else []
    bare_loop = BareLoop(stack, *strengths(model.l1, model.l2, n), generators=generators)
    for epoch in range(sessions[0].trainer.max_epochs or 0):
        after_step = after_each_step(stack, optimizer, per_step, max_norm=model.max_norm)
        for xs, labels in joint_blocks(loaders, epoch):
            bare_loop.train(xs, labels, after_step)
        if scheduler and model.scheduler_interval == "epoch":
            scheduler.step()
        for each, noted in zip(models, curves, strict=True):
            noted.complete = all(parameter.isfinite().all() for parameter in each.parameters())
            if noted.complete:
                noted.add_epoch(each, data)
        if not any(noted.complete for noted in curves):
            return


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
