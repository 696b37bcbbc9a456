"""Networks of one shape, trained at once as batched matrix products: their seeds, penalties and optimizers may differ.

Each has the first weights, the order of mini-batches, the distortions and the dropout masks that `mnist-mlp fit` with
its seed has, so that it becomes the same network but for rounding; only the calls of the matrix products are shared.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from inspect import signature
from typing import Any, cast

import torch
from jaxtyping import Float32, Int64
from lightning import Trainer
from torch import Tensor, nn
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
    data = sessions[0].datamodule
    data.prepare_data()
    data.setup("fit")
    networks = [
        _Network(session.model.to(generator.device), generator, _with_seed(data, session.datamodule.seed), call)
        for session, generator, call in zip(sessions, generators, after_epoch, strict=True)
    ]
    shared = _have_one_recipe(sessions)
    together = _Together(networks, len(data.train_images.labels), shared)
    going = networks
    for epoch in range(sessions[0].trainer.max_epochs or 0):
        together.train(epoch)
        going = [each for each in going if each.is_sound and each.after_epoch(each.model, data)]
        if not going:
            break
        if len(going) < len(together.networks) and not shared:
            together = _Together(going, len(data.train_images.labels), shared)
    return [each.is_sound for each in networks]


class _Network:
    """One of several networks, and what is its own."""

    def __init__(
        self, model: MLPClassifier, generator: torch.Generator, data: MNISTDataModule, after_epoch: AfterEpoch
    ) -> None:
        self.model = model
        self.generator = generator
        self.loader = data.train_dataloader()
        self.after_epoch = after_epoch

    @cached_property
    def recipe(self) -> "_Recipe":
        """Its own, where the networks do not share one."""
        return _Recipe(self.model, self.model.mlp.parameters())

    @property
    def is_sound(self) -> bool:
        """Whether it has not diverged."""
        return all(bool(parameter.isfinite().all()) for parameter in self.model.parameters())


class _Recipe:
    """An optimizer of parameters, and its schedule, of the kind that a model asks for."""

    def __init__(self, model: MLPClassifier, parameters: Iterable[nn.Parameter]) -> None:
        self.optimizer = model.optimizer(parameters)
        self.scheduler = cast(LRScheduler, model.scheduler(self.optimizer)) if model.scheduler else None


class _Together:
    """Networks as a stack, and what trains it.

    Args:
        networks: The networks.
        n: The number of images that train.
        shared: Whether one recipe serves all: one call updates them, and its state cannot be taken apart.
    """

    def __init__(self, networks: Sequence[_Network], n: int, shared: bool) -> None:
        self.networks = networks
        self._model = networks[0].model
        self._stack = MLPStack([each.model.mlp for each in networks])
        self._recipe = _Recipe(self._model, self._stack.parameters()) if shared else None
        l1, l2 = zip(*(strengths(each.model.l1, each.model.l2, n) for each in networks), strict=True)
        generators = [each.generator for each in networks]
        self._bare_loop = BareLoop(self._stack, _of_all(l1, self._stack), _of_all(l2, self._stack), 0.0, generators)

    def train(self, epoch: int) -> None:
        """Train for an epoch, the first of which is 0."""
        recipes = [self._recipe] if self._recipe else [each.recipe for each in self.networks]
        schedulers = [recipe.scheduler for recipe in recipes if recipe.scheduler]
        per_step, per_epoch = (schedulers, []) if self._model.scheduler_interval == "step" else ([], schedulers)
        optimizer = self._recipe.optimizer if self._recipe else [recipe.optimizer for recipe in recipes]
        after_step = after_each_step(self._stack, optimizer, per_step, max_norm=self._model.max_norm)
        for xs, labels in joint_blocks([each.loader for each in self.networks], epoch):
            self._bare_loop.train(xs, labels, after_step)
        for scheduler in per_epoch:
            scheduler.step()


def _have_one_recipe(sessions: Sequence[TrainingSession]) -> bool:
    """Whether one optimizer and one schedule serve all networks."""
    recipes = [(session.config.model.optimizer, session.config.model.scheduler) for session in sessions]
    return all(recipe == recipes[0] for recipe in recipes)


def _of_all(values: Sequence[float], stack: MLPStack) -> Strength:
    """One number where it is that of all networks, else each in its place."""
    if len(set(values)) == 1:
        return values[0]
    return stack.weights[0].new_tensor(values).view(-1, 1, 1)


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
