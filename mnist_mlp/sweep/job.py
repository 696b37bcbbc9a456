"""What a worker of `mnist-mlp sweep` does: train one network, and give it up where its validation curve is hopeless."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from typing_extensions import override

from mnist_mlp.console.quiet import quiet
from mnist_mlp.data.module import MNISTDataModule
from mnist_mlp.fit import prepare
from mnist_mlp.sweep.study import COMPLETE, DIVERGED, LATE, PRUNED, Outcome, TrialInFile


@dataclass(frozen=True)
class TrialJob:
    """The training of one trial.

    Attributes:
        settings: All settings of `fit`, by section.
        study: The study's file, which a worker on another machine need not see.
        study_name: The study's name.
        number: The trial's.
        deadline: When to stop after the present epoch, as of `time.time()`, or None.
    """

    settings: Mapping[str, Any]
    study: Path
    study_name: str
    number: int
    deadline: float | None

    def run(self) -> Outcome:
        """Train, on one thread.

        Raises:
            ValueError: if the settings make no sense together.
        """
        started = time.process_time()
        watch = ValidationCurve(self._trial(), self.deadline)
        torch.set_num_threads(1)
        with quiet():
            try:
                prepare("fit", callbacks=[watch], **self.settings).execute()
            except FloatingPointError:
                watch.ending = DIVERGED
        if not watch.curve and watch.ending == COMPLETE:
            raise ValueError("the training ended before its first validation; a sweep chooses by val/acc")
        return Outcome(watch.ending, watch.curve, time.process_time() - started)

    def _trial(self) -> TrialInFile | None:
        return TrialInFile(self.study, self.study_name, self.number) if self.study.exists() else None


def prepare_data(dataset: str, data_dir: str | None) -> None:
    """See that a machine has the images, and download them where they are missing.

    Args:
        dataset: As in `MNISTDataModule`.
        data_dir: The same.

    Raises:
        ValueError: if a path leads to none.
        OSError: if they are not there, and cannot be fetched.
    """
    MNISTDataModule(dataset, data_dir).prepare_data()


class ValidationCurve(Callback):
    """Notes the accuracy on the validation images, and stops a training that is hopeless or late.

    Args:
        trial: Where the accuracies are kept for all to see, and compared; None where its file cannot be seen.
        deadline: As in `TrialJob`.

    Attributes:
        curve: The accuracy, a fraction, after each validation.
        ending: How the training ended: COMPLETE, PRUNED or LATE.
    """

    def __init__(self, trial: TrialInFile | None, deadline: float | None) -> None:
        self._trial, self._deadline = trial, deadline
        self.curve: list[float] = []
        self.ending = COMPLETE

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking:
            return
        self.curve.append(trainer.callback_metrics["val/acc"].item())
        is_hopeless = self._trial is not None and self._trial.report(len(self.curve) - 1, self.curve[-1])
        if trainer.current_epoch + 1 == trainer.max_epochs:
            return  # it ends anyway
        if is_hopeless:
            self.ending = PRUNED
        elif self._deadline is not None and time.time() > self._deadline:
            self.ending = LATE
        trainer.should_stop = trainer.should_stop or self.ending != COMPLETE
