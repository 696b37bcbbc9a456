"""A block of mini-batches, trained on without Lightning between them."""

from functools import partial
from typing import Any, cast

import torch
from jaxtyping import Float
from lightning import LightningModule
from torch import Tensor, nn

from mnist_mlp.bare_loop.after_step import AfterStep, after_each_step
from mnist_mlp.bare_loop.block import BareLoop
from mnist_mlp.bare_loop.gradient_exchange import GradientExchange
from mnist_mlp.bare_loop.gradient_steps import Step
from mnist_mlp.data.block_length import check_number
from mnist_mlp.data.device_loader import Block, DeviceLoader, NormalizedBatch
from mnist_mlp.equations.penalties import strengths
from mnist_mlp.lightning_internals.callback_list import callbacks_of
from mnist_mlp.lightning_internals.hyper_parameters import PlainHyperparameters
from mnist_mlp.lightning_internals.step_counters import batches_allowed, count_batches, count_updates
from mnist_mlp.network.input_checks import check_inputs
from mnist_mlp.network.mlp import MLP
from mnist_mlp.training.block_obstacles import is_foreign, obstacle_to_blocks
from mnist_mlp.training.divergence import check_cost
from mnist_mlp.training.metrics import EpochMetrics
from mnist_mlp.training.pixels import Batch

CLIPPING = ("configure_gradient_clipping", "clip_gradients")  # which Lightning calls also where no limit is set


class TrainedInBlocks(PlainHyperparameters, LightningModule):
    """A LightningModule that takes the steps of a block of mini-batches by the bare loop, all but the last.

    Attributes:
        mlp: What is trained.
        l1: lambda of the penalty L1.
        l2: lambda of the penalty L2.
        max_norm: The largest norm of the incoming weights of a hidden neuron, or None.
        adversarial: How far adversarial examples are away, or 0 for none.
        train_metrics: Where each mini-batch's cost and accuracy are added.
    """

    mlp: MLP
    l1: float
    l2: float
    max_norm: float | None
    adversarial: float
    train_metrics: EpochMetrics

    def __init__(self) -> None:
        super().__init__()
        self._bare_loop: BareLoop | None = None
        self._exchange: GradientExchange | None = None
        self._allowed = 0  # mini-batches of the present block
        self._begun: list[tuple[nn.Parameter, Tensor | None]] = []  # the gradients of an update, until its last one

    def obstacle_to_blocks(self) -> str | None:
        """What in its training needs single mini-batches, or None, see `mnist_mlp.training.block_obstacles`."""
        return obstacle_to_blocks(self.trainer)

    @property
    def penalty_strengths(self) -> tuple[float, float]:
        """The strengths of the penalties L1 and L2, for the images that train.

        Raises:
            ValueError: if there is a penalty, and the loader does not say how many images it has.
        """
        if not (self.l1 or self.l2):
            return 0.0, 0.0
        loader: Any = self.trainer.train_dataloader
        try:
            n = len(loader.dataset)
        except (AttributeError, TypeError) as error:
            raise ValueError(
                f"l1 {self.l1} and l2 {self.l2} are divided by the number of training images, which the loader "
                f"({type(loader).__name__}) does not say; give it a dataset that has a length, or set both to 0"
            ) from error
        return strengths(self.l1, self.l2, n)

    def forget_the_bare_loop(self) -> None:
        """Let go of its memory, and of captured graphs, which cannot be copied or pickled."""
        self._bare_loop = self._exchange = None

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Count the mini-batches of a block beforehand; what is beyond the Trainer's limits goes back to the loader.

        Raises:
            ValueError: if the training needs single steps, which a loader that knew of no Trainer has not asked.
        """
        if not isinstance(batch, Block):
            return
        if self._bare_loop is None:
            check_number(len(batch.xs), self.obstacle_to_blocks())
        self._allowed = batches_allowed(self.trainer, len(batch.xs))
        if self._allowed < len(batch.xs):
            cast(DeviceLoader, self.trainer.train_dataloader).hand_back(len(batch.xs) - self._allowed)
        count_batches(self.trainer, self._allowed - 1)

    def train_on_all_but_the_last(self, block: Block, before: int) -> Batch:
        """Take the steps of all mini-batches but the last, and give back that one, which Lightning trains on.

        Args:
            block: The mini-batches.
            before: Those of the epoch before them.

        Raises:
            FloatingPointError: if a cost is NaN or infinite.
        """
        xs, labels = block.xs[: self._allowed], block.labels[: self._allowed]
        accumulate = self.trainer.accumulate_grad_batches
        if len(xs) > 1:
            self._train_on(xs[:-1], labels[:-1], before % accumulate)
        last = before + len(xs) - 1
        count_updates(self.trainer, last // accumulate - before // accumulate)
        if last % accumulate:
            self._begun = [(parameter, parameter.grad) for parameter in self.mlp.parameters()]
        else:
            self.mlp.zero_grad()  # Lightning does so only where an update begins with the first mini-batch of a block
        return NormalizedBatch(xs[-1], labels[-1])

    def on_before_backward(self, loss: Tensor) -> None:
        """Add to the gradients that a block has begun to accumulate: Lightning may just have forgotten them."""
        for parameter, gradient in self._begun:
            parameter.grad = gradient
        self._begun = []

    def _train_on(self, xs: Float[Tensor, "steps batch pixels"], labels: Tensor, before: int) -> None:
        if self.mlp.has_plain_layers:  # otherwise its forward pass checks each mini-batch
            check_inputs(xs.flatten(0, 1), self.mlp.weights, self.mlp.biases)
        if self.adversarial:
            labels = torch.cat([labels, labels], dim=1)
        accumulate = self.trainer.accumulate_grad_batches
        settings = (self.penalty_strengths, self.adversarial, accumulate)
        loop = self._bare_loop
        if loop is None or (loop.strengths, loop.adversarial, loop.accumulate) != settings:
            loop = BareLoop(self.mlp, *self.penalty_strengths, self.adversarial, accumulate=accumulate)
            self._bare_loop = loop
        zs, ys = loop.train(xs, labels, self._after_each_step(), self._watched, before)
        cost = self.mlp.cost.value(zs.flatten(0, 1), ys.flatten(0, 1))
        if not cost.isfinite():
            for i, (z, y) in enumerate(zip(zs, ys, strict=True)):
                check_cost(self, self.mlp.cost.value(z, y), self.global_step + 1 + (before + i) // accumulate)
        self.train_metrics.update(cost, zs.flatten(0, 1), labels.flatten(0, 1))

    def _after_each_step(self) -> list[AfterStep]:
        """What follows each mini-batch of a block: what Lightning does after one of its own."""
        trainer, (optimizer,), clip = self.trainer, self.trainer.optimizers, None
        if trainer.gradient_clip_val or any(is_foreign(self, name) for name in CLIPPING):
            clipping = (trainer.gradient_clip_val, trainer.gradient_clip_algorithm)
            clip = partial(self.configure_gradient_clipping, optimizer, *clipping)
        schedulers = [config.scheduler for config in trainer.lr_scheduler_configs if config.interval == "step"]
        exchange = self._gradient_exchange() if trainer.world_size > 1 else None
        return after_each_step(self.mlp, optimizer, schedulers, clip, self.max_norm, exchange)

    def _gradient_exchange(self) -> GradientExchange:
        """The exchange with the other processes, made anew where a layer was frozen or replaced meanwhile."""
        parameters = [parameter for parameter in self.mlp.parameters() if parameter.requires_grad]
        known = self._exchange.parameters if self._exchange else []
        if self._exchange is None or [*map(id, known)] != [*map(id, parameters)]:
            self._exchange = GradientExchange(parameters, self.trainer.num_nodes == 1)
        return self._exchange

    def _watched(self, step: Step) -> Step:
        """A step of the bare loop, with those who look at each: the callbacks that have a method `watch_steps`."""
        for callback in callbacks_of(self.trainer):
            if watch_steps := getattr(callback, "watch_steps", None):
                step = watch_steps(self, step)
        return step
