"""What panels show after a training, where it was killed between that and its last checkpoint."""

from pathlib import Path
from typing import cast

from lightning import LightningModule, Trainer

from mnist_mlp.dashboard.panel import Panel, writer_of
from mnist_mlp.dashboard.predictions import Predictions
from mnist_mlp.dashboard.run_log import read_run
from mnist_mlp.lightning_internals.callback_list import callbacks_of
from mnist_mlp.training.classifier import MLPClassifier


def show_an_end_that_is_missing(trainer: Trainer, pl_module: LightningModule) -> None:
    """Let the panels show what they show after a training, if the run's log does not have it.

    Args:
        trainer: It has loaded the last checkpoint of a training that is done.
        pl_module: The network.
    """
    writer, panels = writer_of(trainer), [each for each in callbacks_of(trainer) if isinstance(each, Panel)]
    if writer is None or not panels:
        return
    calibrates = cast(MLPClassifier, pl_module).mlp.cost.says_probabilities
    has_predictions = calibrates and any(isinstance(panel, Predictions) for panel in panels)
    last = ("val/calibration_error", "train/calibration_error") if has_predictions else ("time/training_seconds",)
    scalars = read_run(Path(writer.log_dir)).scalars
    if any(scalars[tag][0][-1] >= trainer.global_step for tag in last if tag in scalars):
        return
    for panel in panels:
        panel.on_train_end(trainer, pl_module)
