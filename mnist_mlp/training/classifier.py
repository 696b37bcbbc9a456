"""`MLPClassifier`: an `MLP` in Lightning's hands. No maths lives here but the scale of the penalties."""

from collections.abc import Callable, Iterable, Sized
from functools import partial
from typing import Any, Literal, cast

import torch
from jaxtyping import Float, Int
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.cli import LRSchedulerCallable
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from mnist_mlp.bare_loop.steps import (
    AdversarialStep,
    AutogradStep,
    Descent,
    ManualStep,
    Step,
    StepGraphs,
    has_hooks,
    run_steps,
    update_of,
)
from mnist_mlp.data.module import DeviceLoader
from mnist_mlp.equations.backprop import check_inputs
from mnist_mlp.equations.penalties import limit_norms
from mnist_mlp.network.adversarial import adversarial_examples
from mnist_mlp.network.mlp import MLP
from mnist_mlp.training.blocks import ThreadChoice, count_steps, steps_left

NUM_CLASSES = 10

Batch = tuple[Tensor, Tensor]


class EpochMetrics(Module):
    """The mean cost per sample and the accuracy over an epoch."""

    def __init__(self) -> None:
        super().__init__()
        # "disable" would be faster, but it drops the weights too (torchmetrics 1.9). A training stops at a NaN before
        # this one sees it; of a validation it leaves the mean of the other batches.
        self.loss = MeanMetric(nan_strategy="ignore")
        self.acc = MulticlassAccuracy(NUM_CLASSES, average="micro", validate_args=False)


class NormLimit(Callback):
    """Shrink incoming weights that a step of Lightning's has made too long, before a checkpoint is written."""

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Shrink them."""
        cast(MLPClassifier, pl_module).limit_norms()


class MLPClassifier(LightningModule):
    """A multilayer perceptron that classifies images into ten classes.

    A batch is (x, labels) with x of shape (batch, pixels), or a block of mini-batches, with one dimension more before,
    of which all but the last are trained on without Lightning between them; the parameters are the same bit for bit.

    Logged at the end of each epoch: train/loss, train/acc, val/loss, val/acc; after a test test/loss, test/acc.
    The losses are the cost on the scale of `mnist_mlp.equations.costs`, without the penalties; the accuracies are
    fractions.

    Args:
        hidden_sizes: Neurons in each hidden layer; an empty list makes it a network without any.
        activation: identity, relu, scaled_tanh, sigmoid or tanh for all hidden layers, or a list with one each.
        cost: quadratic, mse, cross_entropy or binary_cross_entropy.
        initializer: fan_out, he, large, normal(std), pytorch, scaled, uniform(bound), xavier or zeros for all layers,
            or a list with one each, that of the outputs last.
        output_activation: For the costs quadratic and mse, any activation; by default sigmoid.
        dropout: The probability of dropping a hidden neuron while training, in [0, 1).
        input_dropout: The probability of dropping a pixel while training, in [0, 1).
        l1: lambda in the penalty lambda/n sum |w| over weights, not biases; n is the number of training images
            (Nielsen, ch. 3, eq. 95).
        l2: lambda in the penalty lambda/(2n) sum w^2 over weights, not biases (Nielsen, ch. 3, eq. 87).
        max_norm: The largest norm of the incoming weights of a hidden neuron; after each step, longer ones are shrunk
            to it (Srivastava et al., 2014, section 5.1). By default there is no limit.
        adversarial: epsilon; if it is not 0, each training image has its adversarial example beside it in the
            mini-batch, that far away (`mnist_mlp.network.adversarial`). train/loss and train/acc are then of both.
        gradients: "autograd", or "manual" for the hand-written equations of `mnist_mlp.equations.backprop`.
        optimizer: Any torch optimizer without its parameters.
        scheduler: Any torch learning-rate scheduler without its optimizer.
        scheduler_interval: Whether the scheduler steps after each "epoch" or each "step" (mini-batch).
        num_inputs: Pixels of an image.

    The checkpoint holds all arguments but the optimizer and the scheduler, which are callables, as plain numbers,
    strings and lists; so it loads with `weights_only=True`.

    Raises:
        ValueError: if an argument is not one of these.
    """

    def __init__(
        self,
        hidden_sizes: list[int],
        activation: str | list[str] = "relu",
        cost: str = "cross_entropy",
        initializer: str | list[str] = "he",
        output_activation: str | None = None,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        l1: float = 0.0,
        l2: float = 0.0,
        max_norm: float | None = None,
        adversarial: float = 0.0,
        gradients: Literal["autograd", "manual"] = "autograd",
        optimizer: Callable[[Iterable], Optimizer] = lambda parameters: torch.optim.SGD(parameters, lr=0.1),
        scheduler: LRSchedulerCallable | None = None,
        scheduler_interval: Literal["epoch", "step"] = "epoch",
        num_inputs: int = 784,
    ) -> None:
        super().__init__()
        for name, value in (("l1", l1), ("l2", l2), ("adversarial", adversarial)):
            if not value >= 0:
                raise ValueError(f"{name} must be at least 0; got {value}")
        if max_norm is not None and not max_norm > 0:
            raise ValueError(f"max_norm must be larger than 0; got {max_norm}: leave it out for no limit")
        self.save_hyperparameters(ignore=["optimizer", "scheduler"])
        self.l1 = l1
        self.l2 = l2
        self.max_norm = max_norm
        self.adversarial = adversarial
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.scheduler_interval = scheduler_interval
        self.mlp = MLP(
            [num_inputs, *hidden_sizes, NUM_CLASSES],
            activation=activation,
            cost=cost,
            initializer=initializer,
            output_activation=output_activation,
            dropout=dropout,
            input_dropout=input_dropout,
            gradients=gradients,
        )
        self._random_states: list[Tensor] = []
        self._graphs = StepGraphs()
        self.train_metrics, self.val_metrics, self.test_metrics = EpochMetrics(), EpochMetrics(), EpochMetrics()

    def forward(self, x: Float[Tensor, "batch pixels"]) -> Float[Tensor, "batch 10"]:
        """The logits of a batch of images."""
        return self.mlp(x)

    def configure_callbacks(self) -> list[Callback]:
        """Choose the number of threads, and keep to `max_norm`."""
        return [ThreadChoice(), NormLimit()]

    def on_train_start(self) -> None:
        """Restore the random generators, where a run is continued."""
        if self._random_states:
            cpu_state, *cuda_states = self._random_states
            torch.set_rng_state(cpu_state)
            if len(cuda_states) == torch.cuda.device_count():
                torch.cuda.set_rng_state_all(cuda_states)
        self._random_states = []

    def on_train_end(self) -> None:
        """Let go of captured graphs, which cannot be copied or pickled."""
        self._graphs = StepGraphs()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The mean cost of a mini-batch plus the penalties; of a block the last mini-batch, after the others' steps.

        Raises:
            FloatingPointError: if the cost is NaN or infinite.
        """
        if batch[0].dim() == 3:
            batch = self._train_on_all_but_the_last(*batch)
        if self.adversarial:
            x, labels = batch
            moved = adversarial_examples(self.mlp, x, labels, self.adversarial)
            batch = torch.cat([x, moved]), torch.cat([labels, labels])
        cost = self._evaluate(batch, self.train_metrics)
        self._check_finite(cost, self.global_step + 1)
        return self.mlp.penalized(cost, *self.penalty_strengths)

    def on_train_epoch_end(self) -> None:
        """Log train/loss and train/acc, before any checkpoint of the epoch is written.

        Raises:
            FloatingPointError: if the last step has made a parameter NaN or infinite.
        """
        if not all(parameter.isfinite().all() for parameter in self.parameters()):
            raise FloatingPointError(self._diverged("a parameter became NaN or infinite", self.global_step))
        self._log("train", self.train_metrics)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Add a batch to val/loss and val/acc."""
        self._evaluate(batch, self.val_metrics)

    def on_validation_epoch_end(self) -> None:
        """Log val/loss and val/acc."""
        self._log("val", self.val_metrics)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Add a batch to test/loss and test/acc."""
        self._evaluate(batch, self.test_metrics)

    def on_test_epoch_end(self) -> None:
        """Log test/loss and test/acc."""
        self._log("test", self.test_metrics)

    def predict_step(self, batch: Batch, batch_idx: int) -> Float[Tensor, "batch 10"]:
        """The output activation: probabilities, where the cost is a cross-entropy."""
        x, _ = batch
        return self.mlp.predict_proba(x)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The optimizer of all parameters, and its scheduler where there is one."""
        optimizer = self.optimizer(self.parameters())
        if self.scheduler is None:
            return optimizer
        scheduler = self.scheduler(optimizer)
        monitor = getattr(scheduler, "monitor", None)
        schedule = {"scheduler": scheduler, "interval": self.scheduler_interval, "monitor": monitor}
        return cast(OptimizerLRScheduler, {"optimizer": optimizer, "lr_scheduler": schedule})

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the state of the random generators, so that a resumed run drops the same neurons."""
        checkpoint["random_states"] = [torch.get_rng_state(), *torch.cuda.get_rng_state_all()]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Check that the parameters fit before any is loaded.

        Raises:
            ValueError: if the checkpoint is of another architecture.
        """
        own, stored = _shapes(self.state_dict()), _shapes(checkpoint["state_dict"])
        if own != stored:
            missing, unexpected = sorted(own - stored), sorted(stored - own)
            raise ValueError(
                f"the checkpoint is of another architecture: missing {', '.join(missing) or 'nothing'}; "
                f"unexpected {', '.join(unexpected) or 'nothing'}; give the hidden_sizes it was trained with"
            )
        self._random_states = checkpoint.get("random_states", [])

    def _evaluate(self, batch: Batch, metrics: EpochMetrics) -> Float[Tensor, ""]:
        x, labels = batch
        logits = self.mlp(x)
        cost = self.mlp.loss(logits, labels)
        metrics.loss.update(cost.detach(), len(labels))
        metrics.acc.update(logits.detach(), labels)
        return cost

    def _log(self, stage: str, metrics: EpochMetrics) -> None:
        self.log(f"{stage}/loss", metrics.loss)
        self.log(f"{stage}/acc", metrics.acc, prog_bar=stage == "val")

    def _train_on_all_but_the_last(
        self, xs: Float[Tensor, "steps batch pixels"], labels: Int[Tensor, "steps batch"]
    ) -> Batch:
        left = steps_left(self.trainer)
        if left is not None and left < len(xs):
            cast(DeviceLoader, self.trainer.train_dataloader).hand_back(len(xs) - left)
            xs, labels = xs[:left], labels[:left]
        if len(xs) > 1:
            self._train_on(xs[:-1], labels[:-1])
        count_steps(self.trainer, len(xs) - 1)
        return xs[-1], labels[-1]

    def _train_on(self, xs: Float[Tensor, "steps batch pixels"], labels: Int[Tensor, "steps batch"]) -> None:
        check_inputs(xs.flatten(0, 1), self.mlp.weights, self.mlp.biases)
        if self.adversarial:
            labels = torch.cat([labels, labels], dim=1)
        zs = xs.new_empty(*labels.shape, NUM_CLASSES)
        ys = self.mlp.targets_as_values(labels.flatten(), like=zs.flatten(0, 1)).view_as(zs)
        updates = self._updates()
        frozen = not all(parameter.requires_grad for parameter in self.mlp.parameters())
        if self.mlp.gradients == "autograd" or frozen or has_hooks(self.mlp) or not self.mlp.training:
            run_steps(self._with_adversaries(AutogradStep(self.mlp, *self.penalty_strengths)), updates, xs, ys, zs)
        else:
            step = ManualStep(self.mlp, labels.shape[1], *self.penalty_strengths)
            with torch.no_grad():
                if xs.is_cuda and len(updates) == 1 and isinstance(updates[0], Descent) and not self.adversarial:
                    self._graphs.run(step, updates[0], xs, ys, zs)
                else:
                    run_steps(self._with_adversaries(step), updates, xs, ys, zs)
        cost = self.mlp.cost.value(zs.flatten(0, 1), ys.flatten(0, 1))
        if not cost.isfinite():
            for i, (z, y) in enumerate(zip(zs, ys, strict=True)):
                self._check_finite(self.mlp.cost.value(z, y), self.global_step + 1 + i)
        self.train_metrics.loss.update(cost, labels.numel())
        self.train_metrics.acc.update(zs.flatten(0, 1), labels.flatten())

    def _with_adversaries(self, step: Step) -> Step:
        return AdversarialStep(step, self.mlp, self.adversarial) if self.adversarial else step

    def _updates(self) -> list[Callable[..., Any]]:
        """What follows each mini-batch of a block: clipping, where asked for, the update, the schedule, the limit."""
        trainer, (optimizer,) = self.trainer, self.trainer.optimizers
        schedulers = [config.scheduler for config in trainer.lr_scheduler_configs if config.interval == "step"]
        moves_momentum = any(getattr(scheduler, "cycle_momentum", False) for scheduler in schedulers)
        updates: list[Callable[..., Any]] = [optimizer.step if moves_momentum else update_of(optimizer)]
        if trainer.gradient_clip_val:
            clip = (trainer.gradient_clip_val, trainer.gradient_clip_algorithm)
            updates.insert(0, partial(self.configure_gradient_clipping, optimizer, *clip))
        limits = [self.limit_norms] if self.max_norm else []
        return [*updates, *(scheduler.step for scheduler in schedulers), *limits]

    @torch.no_grad()
    def limit_norms(self) -> None:
        """Shrink the incoming weights of hidden neurons to `max_norm`, where there is one."""
        if self.max_norm:
            for w in self.mlp.weights[:-1]:
                limit_norms(w, self.max_norm)

    @property
    def penalty_strengths(self) -> tuple[float, float]:
        """lambda/n of L1 and of L2, where n is the number of training images."""
        n = len(cast(Sized, cast(DeviceLoader, self.trainer.train_dataloader).dataset))
        return self.l1 / n, self.l2 / n

    def _check_finite(self, cost: Float[Tensor, ""], step: int) -> None:
        if not cost.isfinite():
            raise FloatingPointError(self._diverged(f"the training loss became {cost.item()}", step))

    def _diverged(self, what: str, step: int) -> str:
        callbacks = [c for c in self.trainer.checkpoint_callbacks if isinstance(c, ModelCheckpoint)]
        checkpoint = callbacks[-1].best_model_path if callbacks else ""
        return (
            f"{what} at step {step} in epoch {self.current_epoch}: "
            "usually the learning rate is too large, or the initial weights are; "
            f"the last good checkpoint is {checkpoint or 'none: none was written yet'}"
        )


def _shapes(state: dict[str, Tensor]) -> set[str]:
    return {f"{name} {tuple(value.shape)}" for name, value in state.items()}
