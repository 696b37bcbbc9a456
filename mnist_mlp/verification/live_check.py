"""A callback that compares the gradients of a training with those of the other kind, while it trains."""

from collections.abc import Mapping
from itertools import count
from typing import Any, cast

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor
from typing_extensions import override

from mnist_mlp.bare_loop.gradient_steps import Step
from mnist_mlp.data.device_loader import Block, NormalizedBatch
from mnist_mlp.network.precision import compute_dtype
from mnist_mlp.training.classifier import Batch, MLPClassifier
from mnist_mlp.verification.difference import relative_error

OTHER = {"manual": "autograd", "autograd": "manual"}


class GradientCheck(Callback):
    """Compare the gradients that a training makes with those of the other kind, and stop where they part.

    What is compared is the step that is really made, with its penalties and under its dropout masks: that of a block,
    where mini-batches come in blocks, else what Lightning's backward pass gives. A network that is trained by autograd
    is compared with the hand-written gradients. The last mini-batch of a block, which is Lightning's, is not looked at.

    Logs `gradients/max_relative_error`: the largest difference in any parameter, relative to the largest element of
    the whole gradient.

    Args:
        every_n_steps: Compare on the mini-batches whose step is a multiple of this, or on the next one that can be.
        tolerance: Stop where the error is larger; by default 32 machine epsilons of the precision that the network
            computes in, 4e-6 in float32.

    Raises:
        FloatingPointError: while training, if the error is larger than the tolerance, or NaN.
    """

    # Its hook before the backward pass sees single steps, and `watch_steps` those of a block.
    needs_single_steps = False

    def __init__(self, every_n_steps: int = 100, tolerance: float | None = None) -> None:
        if every_n_steps < 1:
            raise ValueError(f"every_n_steps must be at least 1; got {every_n_steps}")
        self.every_n_steps = every_n_steps
        self.tolerance = tolerance
        self._next_step = 0
        self._batch: Batch | None = None

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._next_step = -(-trainer.global_step // self.every_n_steps) * self.every_n_steps

    @override
    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Keep a single mini-batch, and the random state that its dropout masks are drawn from, if it is its turn."""
        self._batch = None
        if not isinstance(batch, Block) and trainer.global_step >= self._next_step:
            self._batch, self._random_state = batch, _random_state(batch[0].device)

    @override
    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        """Compare the gradients that the backward pass is about to make."""
        if self._batch is None:
            return
        model = cast(MLPClassifier, pl_module)
        x, labels, self._batch = model.rows_of(self._batch), self._batch[1], None
        parameters = _trained(model)
        made = torch.autograd.grad(loss, list(parameters.values()), retain_graph=True)
        with trainer.precision_plugin.train_step_context():
            precision = compute_dtype(x)
            reference = self._reference(model, x, labels, self._random_state)
        if reference == 0:  # what the loss was multiplied by is not known: the next mini-batch is compared
            return
        # with accumulation or float16, the loss arrives multiplied by a number
        others = torch.autograd.grad(reference * (loss / reference).detach(), list(parameters.values()))
        self._compare(model, dict(zip(parameters, made, strict=True)), others, precision, trainer.global_step)

    def watch_steps(self, model: MLPClassifier, step: Step) -> Step:
        """A step of the bare loop that compares its gradients, if it is its turn."""
        first, mini_batches = model.global_step, count()

        def watched(x: Tensor, y: Tensor, z: Tensor) -> None:
            number = first + next(mini_batches) // model.trainer.accumulate_grad_batches
            if number < self._next_step:
                step(x, y, z)
                return
            before = _random_state(x.device)
            step(x, y, z)
            parameters = _trained(model)
            made = {name: p.grad for name, p in parameters.items() if p.grad is not None}
            with torch.enable_grad():
                reference = self._reference(model, x, y[: len(x)], before) / model.trainer.accumulate_grad_batches
                others = torch.autograd.grad(reference, list(parameters.values()))
            self._compare(model, made, others, x.dtype, number)

        return watched

    def _reference(self, model: MLPClassifier, x: Tensor, targets: Tensor, random_state: Tensor) -> Tensor:
        """The loss of the same mini-batch, with the graph of the other kind of gradients."""
        now, mlp = _random_state(x.device), model.mlp
        own_kind, mlp.gradients = mlp.gradients, OTHER[mlp.gradients]
        try:
            _set_random_state(x.device, random_state)
            _, _, cost = model.cost_of(NormalizedBatch(x, targets))
            return mlp.penalized(cost, *model.penalty_strengths)
        finally:
            mlp.gradients = own_kind
            _set_random_state(x.device, now)

    def _compare(
        self,
        model: MLPClassifier,
        made: Mapping[str, Tensor],
        others: tuple[Tensor, ...],
        precision: torch.dtype,
        step: int,
    ) -> None:
        """Log how far both kinds are apart, and stop the training where this is too far."""
        self._next_step = (step // self.every_n_steps + 1) * self.every_n_steps
        other = dict(zip(made, others, strict=True))
        by_hand, by_autograd = (made, other) if model.mlp.gradients == "manual" else (other, made)
        error = relative_error(*(torch.cat([g.flatten() for g in each.values()]) for each in (by_hand, by_autograd)))
        tolerance = 32 * torch.finfo(precision).eps if self.tolerance is None else self.tolerance
        for logger in model.loggers:
            logger.log_metrics({"gradients/max_relative_error": error}, step=step)
        if not error <= tolerance:
            name = max(by_hand, key=lambda name: relative_error(by_hand[name], by_autograd[name]))
            raise FloatingPointError(
                f"the hand-written gradient is off autograd's by {error:.2g} of its largest element at step "
                f"{step + 1}, most of all that of {name}, and the tolerance is {tolerance:.2g}; "
                "mnist-mlp verify tells which equation is wrong"
            )


def _trained(model: MLPClassifier) -> dict[str, Tensor]:
    return {name: parameter for name, parameter in model.mlp.named_parameters() if parameter.requires_grad}


def _random_state(device: torch.device) -> Tensor:
    return torch.get_rng_state() if device.type == "cpu" else torch.get_device_module(device).get_rng_state()


def _set_random_state(device: torch.device, state: Tensor) -> None:
    if device.type == "cpu":
        torch.set_rng_state(state)
    else:
        torch.get_device_module(device).set_rng_state(state)
