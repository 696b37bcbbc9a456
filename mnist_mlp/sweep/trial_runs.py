"""Trials as runs of TensorBoard: HParams sets their settings beside their accuracies."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from optuna.trial import FrozenTrial, TrialState
from torch.utils.tensorboard.summary import hparams
from torch.utils.tensorboard.writer import SummaryWriter

from mnist_mlp.console.files import part_of, remove_left_parts

CURVE, BEST = "val/acc", "val/best_acc"


def write_trial_runs(trials: Sequence[FrozenTrial], folder: Path) -> None:
    """Write the trials that have no run yet, each into a folder of its own, `trial_N`.

    A run that is older than its trial is that of another search, and gives way.

    Args:
        trials: Those that ended; failed ones, which have no accuracy, are left out.
        folder: Where the folders lie.
    """
    remove_left_parts(folder, "trial_*")
    for trial in trials:
        run = folder / f"trial_{trial.number}"
        if trial.state is TrialState.FAIL or not trial.intermediate_values or _has_run(trial, run):
            continue
        part = part_of(run)
        try:
            _write_run(trial, part)
            shutil.rmtree(run, ignore_errors=True)
            part.rename(run)  # at once: a kill leaves no half of a run
        except OSError:
            if not _has_run(trial, run):  # where another process was faster, it has
                raise
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _has_run(trial: FrozenTrial, run: Path) -> bool:
    ended = trial.datetime_complete
    return run.exists() and ended is not None and run.stat().st_mtime >= ended.timestamp()


def _write_run(trial: FrozenTrial, folder: Path) -> None:
    settings: dict[str, Any] = {name: "null" if value is None else value for name, value in trial.params.items()}
    with SummaryWriter(str(folder)) as writer:
        experiment, start, end = hparams(settings, {BEST: 0.0})
        for summary in (experiment, start):
            cast(Any, writer.file_writer).add_summary(summary)
        for epoch, accuracy in trial.intermediate_values.items():
            writer.add_scalar(CURVE, accuracy, epoch)
        writer.add_scalar(BEST, max(trial.intermediate_values.values()), max(trial.intermediate_values))
        cast(Any, writer.file_writer).add_summary(end)
