"""`MLPClassifier`: an `MLP` in Lightning's hands. No maths lives here."""

from collections.abc import Callable, Iterable
from typing import Any, Literal, cast

import torch
from jaxtyping import Float, Int
from lightning import Callback
from lightning.pytorch.cli import LRSchedulerCallable
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from mnist_mlp.console.plain_errors import naming
from mnist_mlp.data.device_loader import Block
from mnist_mlp.lightning_internals.attached import is_in_a_trainer
from mnist_mlp.lightning_internals.callback_list import callbacks_of
from mnist_mlp.lightning_internals.cut_epochs import is_inside_an_epoch
from mnist_mlp.network.adversarial import adversarial_examples
from mnist_mlp.network.mlp import MLP
from mnist_mlp.plain_values import plain
from mnist_mlp.training.architecture import check_architecture
from mnist_mlp.training.block_training import Batch, TrainedInBlocks
from mnist_mlp.training.callbacks import CalmOutput, MasksOfEachProcess, NormLimit, ThreadChoice
from mnist_mlp.training.divergence import check_cost, check_parameters
from mnist_mlp.training.metrics import EpochMetrics
from mnist_mlp.training.predicting import PredictsImages
from mnist_mlp.training.recipe import Optimization, check_functions, check_states, optimization_of, recipe_in, recipe_of


def gradient_descent(parameters: Iterable) -> Optimizer:
    """The optimizer where none is given. It has a name, so that a classifier can be pickled: a lambda could not."""
    return torch.optim.SGD(parameters, lr=0.1)


class MLPClassifier(TrainedInBlocks, PredictsImages):
    """A multilayer perceptron that classifies images.

    A batch is (x, labels), pixels in [0, 1], with x of shape (batch, pixels), or of any other, such as (batch, 28, 28),
    which is flattened. A `Block` of several is trained on without Lightning between them, all but the last; the
    parameters are the same bit for bit.

    Logged at the end of each epoch: train/loss, train/acc, val/loss, val/acc; after a test test/loss, test/acc.
    The losses are the cost on the scale of `mnist_mlp.equations.costs`, without the penalties; the accuracies are
    fractions.

    Args:
        hidden_sizes: Neurons in each hidden layer, or in the only one; an empty list makes it a network without any.
        activation: For all hidden layers relu, sigmoid, tanh or another name of `mnist_mlp.equations.ACTIVATIONS`, or a
            list with one each.
        cost: quadratic, mse, cross_entropy, binary_cross_entropy or another name of `mnist_mlp.equations.costs`.
        initializer: For all layers he, large, scaled, pytorch, normal(std), uniform(bound) or another name of
            `mnist_mlp.equations.INITIALIZERS`, or a list with one for each layer, the last for the outputs.
        output_activation: For the costs quadratic and mse, any activation; by default sigmoid.
        dropout: The probability of dropping a hidden neuron while training, in [0, 1).
        input_dropout: The probability of dropping a pixel while training, in [0, 1).
        l1: lambda in the penalty lambda/n sum |w| over weights, not biases; n is the number of training images
            (Nielsen, ch. 3, eq. 95).
        l2: lambda in the penalty lambda/(2n) sum w^2 over weights, not biases (Nielsen, ch. 3, eq. 87).
        max_norm: The largest norm of the incoming weights of a hidden neuron; after each step, longer ones are shrunk
            to it (Srivastava et al., 2014, section 5.1). By default there is no limit.
        adversarial: If it is not 0, the network also trains on an adversarial example of each training image, at this
            Euclidean distance from it (`mnist_mlp.network.adversarial`). train/loss and train/acc then count both.
        gradients: "autograd", or "manual" for the hand-written equations of `mnist_mlp.equations.backprop`.
        optimizer: Any torch optimizer without its parameters.
        scheduler: Any torch learning-rate scheduler without its optimizer. ReduceLROnPlateau watches val/loss, or
            val/acc where its mode is "max".
        scheduler_interval: Whether the scheduler steps after each "epoch" or each "step" (mini-batch).
        num_inputs: Pixels of an image. If it is not given, `mnist-mlp fit` takes it from the data, as num_classes.
        num_classes: Classes, at least two: the ten digits, or `MNISTDataModule.num_classes`.

    The checkpoint holds all arguments as plain numbers, strings and lists; so it loads with `weights_only=True`. The
    optimizer and the scheduler are in it where `mnist-mlp fit` trains, or where they are a class or a
    `functools.partial` of one; a model that `load_from_checkpoint` makes has them again, if it is given no others.

    Raises:
        ValueError: if an argument is not one of these.
    """

    def __init__(
        self,
        hidden_sizes: list[int] | int,
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
        optimizer: Callable[[Iterable], Optimizer] = gradient_descent,
        scheduler: LRSchedulerCallable | None = None,
        scheduler_interval: Literal["epoch", "step"] = "epoch",
        num_inputs: int = 784,
        num_classes: int = 10,
    ) -> None:
        super().__init__()
        hidden_sizes = [hidden_sizes] if isinstance(hidden_sizes, int) else hidden_sizes
        if num_classes < 2:
            raise ValueError(f"num_classes must be an integer of at least 2; got {num_classes}")
        for name, value in (("l1", l1), ("l2", l2), ("adversarial", adversarial)):
            if not value >= 0:
                raise ValueError(f"{name} must be at least 0; got {value}")
        if max_norm is not None and not max_norm > 0:
            raise ValueError(f"max_norm must be larger than 0; got {max_norm}: leave it out for no limit")
        self.save_hyperparameters(ignore=["optimizer", "scheduler"])
        self.l1, self.l2, self.max_norm, self.adversarial = plain((l1, l2, max_norm, adversarial))
        self.optimizer, self.scheduler = optimizer, scheduler
        self.scheduler_interval = scheduler_interval
        self.mlp = MLP(
            [num_inputs, *hidden_sizes, num_classes],
            activation=activation,
            cost=cost,
            initializer=initializer,
            output_activation=output_activation,
            dropout=dropout,
            input_dropout=input_dropout,
            gradients=gradients,
        )
        self._random_states: list[Tensor] = []
        self._recipe: dict[str, Any] | None = None  # of the checkpoint that `load_from_checkpoint` was given
        self._continued: dict[str, Any] = {}  # the checkpoint that a training is continued from
        self._train_sums: dict[str, dict[str, Tensor]] | None = None
        self.train_metrics, self.val_metrics, self.test_metrics = (EpochMetrics(num_classes) for _ in range(3))

    def forward(self, x: Float[Tensor, "batch pixels"]) -> Float[Tensor, "batch classes"]:
        """The logits of a batch of images, pixels in [0, 1], which are normalized here if the network wants it."""
        return self.mlp(self.normalized(x))

    def configure_callbacks(self) -> list[Callback]:
        """Choose the number of threads, keep to `max_norm`, drop other neurons in each process, and show it calmly."""
        there = {type(callback) for callback in callbacks_of(self.trainer)} if is_in_a_trainer(self) else set()
        wanted = (ThreadChoice, NormLimit, MasksOfEachProcess, CalmOutput)
        return [callback() for callback in wanted if callback not in there]

    def on_fit_start(self) -> None:
        """See that a training that is continued has the optimizer and the scheduler it had.

        Raises:
            ValueError: if it has others.
        """
        check_states(self._continued, self.trainer)
        self._continued = {}

    def on_train_start(self) -> None:
        """Know how pixels are normalized, and take up what a run that is continued has left."""
        self.take_statistics()
        self.train_metrics.reset()
        if self._train_sums and self.trainer.is_global_zero:  # they are those of all processes
            self.train_metrics.go_on_from(self._train_sums)
        self._train_sums = None
        if self._random_states:
            cpu_state, *cuda_states = self._random_states
            torch.set_rng_state(cpu_state)
            if len(cuda_states) == torch.cuda.device_count():
                torch.cuda.set_rng_state_all(cuda_states)
        self._random_states = []
        self.forget_the_bare_loop()  # which a training that failed has left

    def on_train_end(self) -> None:
        """Let go of the bare loop's memory."""
        self.forget_the_bare_loop()

    def training_step(self, batch: Batch | Block, batch_idx: int) -> Tensor:
        """The mean cost of a mini-batch plus the penalties.

        Of a block, all mini-batches but the last are trained on here, and the cost is that of the last.

        Raises:
            FloatingPointError: if the cost is NaN or infinite.
        """
        if isinstance(batch, Block):
            batch = self.train_on_all_but_the_last(batch, batch_idx)
        logits, labels, cost = self.cost_of(batch)
        self.train_metrics.update(cost, logits, labels)
        check_cost(self, cost, self.global_step + 1)
        return self.mlp.penalized(cost, *self.penalty_strengths)

    def cost_of(self, batch: Batch) -> tuple[Float[Tensor, "n classes"], Int[Tensor, "n"], Float[Tensor, ""]]:
        """The logits, the labels and the mean cost of a mini-batch that trains, with its adversarial examples."""
        x, labels = self.rows_of(batch), batch[1]
        if self.adversarial:
            x = torch.cat([x, adversarial_examples(self.mlp, x, labels, self.adversarial)])
            labels = torch.cat([labels, labels])
        logits = self.mlp(x)
        return logits, labels, self.mlp.loss(logits, labels)

    def on_train_epoch_end(self) -> None:
        """Log train/loss and train/acc, before any checkpoint of the epoch is written.

        Lightning would hand them to the loggers after it: a kill between the two would lose them.

        Raises:
            FloatingPointError: if the last step has made a parameter NaN or infinite.
        """
        check_parameters(self)
        values = {f"train/{name}": value for name, value in self.train_metrics.values().items()}
        self.log_dict(values, logger=False, sync_dist=True)
        points = {name: value.item() for name, value in values.items()} | {"epoch": self.current_epoch}
        # at the last step, as Lightning does; of an epoch cut short behind it, where a run that is continued goes on
        step = self.global_step if is_inside_an_epoch(self.trainer) else self.global_step - 1
        for logger in self.loggers if values else []:
            logger.log_metrics(points, step)
            logger.save()
        if not is_inside_an_epoch(self.trainer):  # else the checkpoint holds the sums, and the training ends here
            self.train_metrics.reset()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Add a batch to val/loss and val/acc, or raise FloatingPointError if its cost is NaN or infinite."""
        self._evaluate(batch, self.val_metrics, "validation")

    def on_validation_epoch_end(self) -> None:
        """Log val/loss and val/acc."""
        self._log("val", self.val_metrics)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Add a batch to test/loss and test/acc, or raise FloatingPointError if its cost is NaN or infinite."""
        self._evaluate(batch, self.test_metrics, "test")

    def on_test_epoch_end(self) -> None:
        """Log test/loss and test/acc."""
        self._log("test", self.test_metrics)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The optimizer of all parameters, and its scheduler where there is one.

        Raises:
            ValueError: if the model was loaded from a checkpoint whose optimizer or scheduler may not be made.
        """
        if self._recipe and self.optimizer is gradient_descent and self.scheduler is None:
            self.optimizer, self.scheduler = optimization_of(self._recipe)
        with naming("model.optimizer"):
            optimizer = self.optimizer(self.parameters())
        if self.scheduler is None:
            return optimizer
        with naming("model.scheduler"):
            scheduler = self.scheduler(optimizer)
            check_functions(scheduler)
        monitor = getattr(scheduler, "monitor", None)
        if isinstance(scheduler, ReduceLROnPlateau) and monitor is None:  # torch's own, not Lightning's
            monitor = "val/loss" if scheduler.mode == "min" else "val/acc"
        schedule = {"scheduler": scheduler, "interval": self.scheduler_interval, "monitor": monitor}
        return cast(OptimizerLRScheduler, {"optimizer": optimizer, "lr_scheduler": schedule})

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep how it is trained, the random generators' states, and within an epoch the sums of its metrics.

        All states are plain values, so that the checkpoint loads with `weights_only=True`.
        """
        states = ("optimizer_states", "lr_schedulers", "callbacks")  # which may be made of NumPy's numbers
        checkpoint.update({name: plain(checkpoint[name]) for name in states if name in checkpoint})
        if recipe := recipe_of(Optimization(self.optimizer, self.scheduler)):
            checkpoint.setdefault("optimization", recipe)
        self.save_statistics(checkpoint)
        checkpoint["random_states"] = [torch.get_rng_state(), *torch.cuda.get_rng_state_all()]
        if is_inside_an_epoch(self.trainer):
            checkpoint["train_metrics"] = self.train_metrics.sums()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Check that the parameters fit before any is loaded, and note how they were trained.

        Raises:
            ValueError: if the checkpoint is of another architecture.
        """
        check_architecture(self, checkpoint["state_dict"])
        self.load_statistics(checkpoint)
        if not is_in_a_trainer(self):
            self._recipe = recipe_in(checkpoint)
        elif self.trainer.state.fn == "fit":
            self._continued = checkpoint
        self._random_states = checkpoint.get("random_states", [])
        self._train_sums = checkpoint.get("train_metrics")

    def _evaluate(self, batch: Batch, metrics: EpochMetrics, images: str) -> None:
        x, labels = self.rows_of(batch), batch[1]
        logits = self.mlp(x)
        cost = self.mlp.loss(logits, labels)
        if not cost.isfinite():
            check_parameters(self)
            check_cost(self, cost, self.global_step, images)
        metrics.update(cost, logits, labels)

    def _log(self, stage: str, metrics: EpochMetrics) -> None:
        if not metrics.loss.update_called:  # by a subclass's own step
            return
        self.log(f"{stage}/loss", metrics.loss)
        self.log(f"{stage}/acc", metrics.acc, prog_bar=stage == "val")
