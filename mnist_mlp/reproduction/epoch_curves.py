"""Accuracy and cost of a network after each epoch, on whichever images."""

import time
from collections.abc import Sequence
from typing import Any, cast

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping
from typing_extensions import override

from mnist_mlp.data.module import EVALUATION_BATCH_SIZE, MNISTDataModule
from mnist_mlp.equations.penalties import strengths
from mnist_mlp.reproduction.results import Series
from mnist_mlp.training.classifier import MLPClassifier
from mnist_mlp.training.evaluation import logits_of


def measure(model: MLPClassifier, data: MNISTDataModule, split: str) -> tuple[float, float]:
    """The accuracy, a fraction, and the cost with its penalties, a mean per sample, of all images of a split.

    Args:
        model: Measured in eval mode, and left as it was.
        data: A data module that was set up with them.
        split: train, val or test.
    """
    logits, labels = logits_of(model, data.evaluation_loader(split))
    accuracy = (logits.argmax(dim=1) == labels).sum().item() / len(labels)
    # As results.json was measured: the float32 mean of all images at once has other last digits.
    parts = zip(logits.split(EVALUATION_BATCH_SIZE), labels.split(EVALUATION_BATCH_SIZE), strict=True)
    cost = sum(model.mlp.loss(z, y).item() * len(y) for z, y in parts) / len(labels)
    own = strengths(model.l1, model.l2, n=len(data.train_images.labels))
    penalty = model.mlp.penalized(torch.zeros(()), *own).item()
    return accuracy, cost + penalty


class Curves(Callback):
    """Notes accuracy and cost after each epoch, and how long the training took; a continued run goes on with them.

    Checkpoints keep them under the name of this class.

    Args:
        splits: The images to measure: of train, val and test.
        deadline: A time, as of `time.time()`, after which the training stops with its present epoch.

    Attributes:
        series: Accuracy, a fraction, and cost after each epoch, by split: "test/acc" and so on.
        seconds: What the training took, without these measurements.
        complete: Whether the training was neither stopped at the deadline nor spoiled.
    """

    def __init__(self, splits: Sequence[str], deadline: float | None = None) -> None:
        self.splits = tuple(splits)
        self.deadline = deadline
        self.series: Series = {f"{split}/{what}": [] for split in splits for what in ("acc", "cost")}
        self.seconds = 0.0
        self.complete = True

    def add_epoch(self, model: MLPClassifier, data: MNISTDataModule) -> bool:
        """Measure the model after another epoch; its training goes on, however well it does."""
        for split in self.splits:
            accuracy, cost = measure(model, data, split)
            self.series[f"{split}/acc"].append(round(accuracy, 6))
            self.series[f"{split}/cost"].append(float(f"{cost:.5g}"))
        return True

    @override
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if "test" in self.splits:
            cast(Any, trainer).datamodule.setup("test")

    @override
    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._started = time.perf_counter()

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure, before the checkpoint is written; stop where it is late."""
        self.seconds += time.perf_counter() - self._started
        self.add_epoch(cast(MLPClassifier, pl_module), cast(Any, trainer).datamodule)
        if self.deadline is not None and time.time() > self.deadline:
            trainer.should_stop = True
            self.complete = False

    @override
    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A training that would have ended with this epoch anyway is complete, however late."""
        stopped_early = any(cast(EarlyStopping, each).stopped_epoch for each in trainer.early_stopping_callbacks)
        self.complete |= stopped_early or trainer.current_epoch == trainer.max_epochs

    @override
    def state_dict(self) -> dict[str, Any]:
        return {"series": self.series, "seconds": self.seconds}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.series, self.seconds = state_dict["series"], state_dict["seconds"]
