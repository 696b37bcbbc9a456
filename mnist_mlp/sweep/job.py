"""What a worker of `mnist-mlp sweep` does: train networks, and give up where a validation curve is hopeless."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from typing_extensions import override

from mnist_mlp.console.quiet import quiet
from mnist_mlp.data.module import MNISTDataModule
from mnist_mlp.fit import prepare
from mnist_mlp.fit.at_once import prepare_all, train_at_once
from mnist_mlp.sweep.study import COMPLETE, DIVERGED, LATE, PRUNED, Outcome, TrialInFile
from mnist_mlp.training.classifier import MLPClassifier
from mnist_mlp.training.evaluation import logits_of


@dataclass(frozen=True)
class TrialJob:
    """The training of one trial, or of several at once.

    Attributes:
        trials: All settings of `fit`, by section, of each trial, by its number.
        study: The study's file, which a worker on another machine need not see.
        study_name: The study's name.
        lock: The file beside it that the sweep locks. Where it is not seen, a file like the study's is another sweep's.
        deadline: When to stop after the present epoch, as of `time.time()`, or None.
    """

    trials: Mapping[int, Mapping[str, Any]]
    study: Path
    study_name: str
    lock: Path
    deadline: float | None

    def run(self) -> list[Outcome]:
        """Train, on one thread.

        Returns:
            What came of each trial.

        Raises:
            ValueError: if the settings make no sense together.
        """
        started = time.process_time()
        curves = [ValidationCurve(self._in_file(number), self.deadline) for number in self.trials]
        torch.set_num_threads(1)
        with quiet():
            if len(curves) == 1:
                self._train_alone(curves[0])
            else:
                self._train_at_once(curves)
        seconds = (time.process_time() - started) / len(curves)
        return [Outcome(each.ending, each.accuracies, seconds) for each in curves]

    def _in_file(self, number: int) -> TrialInFile | None:
        return TrialInFile(self.study, self.study_name, number) if self.lock.exists() else None

    def _train_alone(self, curve: "ValidationCurve") -> None:
        (settings,) = self.trials.values()
        try:
            prepare("fit", callbacks=[curve], **settings).execute()
        except FloatingPointError:
            curve.ending = DIVERGED
        if not curve.accuracies and curve.ending == COMPLETE:
            raise ValueError("the training ended before its first validation; a sweep chooses by val/acc")

    def _train_at_once(self, curves: Sequence["ValidationCurve"]) -> None:
        sessions, generators = prepare_all(self.trials.values())
        epochs = sessions[0].trainer.max_epochs
        sound = train_at_once(sessions, generators, [partial(each.add_epoch, epochs) for each in curves])
        for curve, is_sound in zip(curves, sound, strict=True):
            if curve.ending == COMPLETE and not is_sound:
                curve.ending = DIVERGED


class ValidationCurve(Callback):
    """Notes the accuracy on the validation images, and stops a training that is hopeless or late.

    Args:
        trial: Where the accuracies are kept for all to see, and compared; None where its file cannot be seen.
        deadline: As in `TrialJob`.

    Attributes:
        accuracies: The accuracy, a fraction, in each epoch with a validation, counted from 0; the best where there are
            several.
        ending: How the training ended: COMPLETE, PRUNED or LATE.
    """

    def __init__(self, trial: TrialInFile | None, deadline: float | None) -> None:
        self._trial, self._deadline = trial, deadline
        self.accuracies: dict[int, float] = {}
        self.ending = COMPLETE

    def add_epoch(self, epochs: int | None, model: MLPClassifier, data: MNISTDataModule) -> bool:
        """Note the accuracy after another one of so many epochs, and say whether the training goes on."""
        logits, labels = logits_of(model, data.evaluation_loader("val"))
        accuracy, epoch = (logits.argmax(dim=1) == labels).float().mean().item(), len(self.accuracies)
        return self._goes_on(epoch, accuracy, epoch + 1 == epochs)

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.sanity_checking:
            epoch, accuracy = trainer.current_epoch, trainer.callback_metrics["val/acc"].item()
            goes_on = self._goes_on(epoch, accuracy, epoch + 1 == trainer.max_epochs)
            trainer.should_stop = trainer.should_stop or not goes_on

    def _goes_on(self, epoch: int, accuracy: float, is_last: bool) -> bool:
        self.accuracies[epoch] = max(accuracy, self.accuracies.get(epoch, 0.0))
        is_hopeless = self._trial is not None and self._trial.report(epoch, self.accuracies[epoch])
        if is_last:
            return True  # it ends anyway
        if is_hopeless:
            self.ending = PRUNED
        elif self._deadline is not None and time.time() > self._deadline:
            self.ending = LATE
        return self.ending == COMPLETE
