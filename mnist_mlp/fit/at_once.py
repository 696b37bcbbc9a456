"""Networks of one shape, trained at once as batched matrix products: their seeds, penalties and optimizers may differ.

Each has the first weights, the order of mini-batches, the distortions and the dropout masks that `mnist-mlp fit` with
its seed has, so that it becomes the same network but for rounding; only the calls of the matrix products are shared.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from inspect import signature
from typing import Any, cast

import torch
from jaxtyping import Float32, Int64
from lightning import Trainer
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop
from torch.optim.lr_scheduler import LRScheduler

from mnist_mlp.bare_loop.after_step import after_each_step
from mnist_mlp.bare_loop.block import BareLoop
from mnist_mlp.bare_loop.threads import is_for_one_thread
from mnist_mlp.data.device_loader import DeviceLoader
from mnist_mlp.data.module import MNISTDataModule
from mnist_mlp.equations.penalties import strengths
from mnist_mlp.equations.shapes import Strength
from mnist_mlp.fit.session import TrainingSession, prepare
from mnist_mlp.fit.settings import laid_over
from mnist_mlp.network.stack import MLPStack
from mnist_mlp.training.classifier import MLPClassifier

AfterEpoch = Callable[[MLPClassifier, MNISTDataModule], bool]

JOINT_IMAGES = 2000  # 6 MB of pixels, which stay in the cache
ELEMENTWISE = (SGD, Adam, AdamW, RMSprop)  # they treat each number alike, wherever it stands
OWN = ("initializer", "l1", "l2", "optimizer", "scheduler")  # what each network of a stack may have of its own
TRAINER_DEFAULTS = {name: parameter.default for name, parameter in signature(Trainer).parameters.items()}
LEFT_TO_US = (  # what a Trainer may be told, and does not change the networks
    "accelerator",
    "barebones",
    "default_root_dir",
    "devices",
    "enable_checkpointing",
    "enable_model_summary",
    "enable_progress_bar",
    "log_every_n_steps",
    "logger",
    "max_epochs",
    "num_sanity_val_steps",
)


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


def obstacle_to_a_stack(sessions: Sequence[TrainingSession]) -> str | None:
    """Why networks are not trained at once, or None.

    Args:
        sessions: One of each kind that there will be.
    """
    first = sessions[0]
    trainer, model = first.trainer, first.model
    typed = vars(first.config.trainer).items()
    others = sorted(name for name, value in typed if name not in LEFT_TO_US and value != TRAINER_DEFAULTS[name])
    schedulers = [session.config.model.scheduler for session in sessions]
    obstacles = [
        (f"the Trainer's {', '.join(others)}", bool(others)),
        ("a training without a last epoch", (trainer.max_epochs or 0) < 1),
        ("settings that differ", any(_alike(session) != _alike(first) for session in sessions)),
        ("adversarial examples", bool(model.adversarial)),
        ("a schedule that watches a metric", any(each and "Plateau" in each.class_path for each in schedulers)),
        ("its optimizer", not all(isinstance(_optimizer(session), ELEMENTWISE) for session in sessions)),
        ("its size", not is_for_one_thread(first.datamodule.batch_size, sum(p.numel() for p in model.parameters()))),
    ]
    return next((what for what, is_there in obstacles if is_there), None)


def _alike(session: TrainingSession) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings that must be those of all networks."""
    model, data = ({**vars(session.config[section])} for section in ("model", "data"))
    return (
        {name: value for name, value in model.items() if name not in OWN},
        {name: value for name, value in data.items() if name != "seed"},
    )


def _optimizer(session: TrainingSession) -> Optimizer:
    return session.model.optimizer(session.model.mlp.parameters())


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
    if _have_one_recipe(sessions):
        optimizers = [model.optimizer(stack.parameters())]
    else:
        optimizers = [_optimizer(session) for session in sessions]
    schedulers = [
        cast(LRScheduler, each.scheduler(optimizer))
        for each, optimizer in zip(models, optimizers, strict=False)  # one for all, or one for each
        if each.scheduler
    ]
    per_step, per_epoch = (schedulers, []) if model.scheduler_interval == "step" else ([], schedulers)
    l1, l2 = zip(*(strengths(each.l1, each.l2, n) for each in models), strict=True)
    bare_loop = BareLoop(stack, _of_all(l1, stack), _of_all(l2, stack), generators=generators)
    going = list(zip(models, after_epoch, strict=True))
    for epoch in range(sessions[0].trainer.max_epochs or 0):
        after_step = after_each_step(stack, optimizers, per_step, max_norm=model.max_norm)
        for xs, labels in joint_blocks(loaders, epoch):
            bare_loop.train(xs, labels, after_step)
        for scheduler in per_epoch:
            scheduler.step()
        going = [(each, call) for each, call in going if _is_sound(each) and call(each, data)]
        if not going:
            break
    return [_is_sound(each) for each in models]


def _have_one_recipe(sessions: Sequence[TrainingSession]) -> bool:
    """Whether one optimizer and one schedule serve all networks."""
    recipes = [(session.config.model.optimizer, session.config.model.scheduler) for session in sessions]
    return all(recipe == recipes[0] for recipe in recipes)


def _of_all(values: Sequence[float], stack: MLPStack) -> Strength:
    """One number where it is that of all networks, else each in its place."""
    if len(set(values)) == 1:
        return values[0]
    return stack.weights[0].new_tensor(values).view(-1, 1, 1)


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
