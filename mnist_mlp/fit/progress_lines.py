"""What `mnist-mlp fit` says: its first line, the progress bar, and its last lines."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.callbacks.early_stopping import EarlyStoppingReason
from lightning.pytorch.loggers import TensorBoardLogger
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text
from typing_extensions import override

from mnist_mlp.console.percent import percent
from mnist_mlp.data.module import MNISTDataModule
from mnist_mlp.fit.checkpoint_files import EpochCheckpoint, last_good_checkpoint, read_checkpoint
from mnist_mlp.fit.run_folder import find_checkpoint
from mnist_mlp.fit.settings import LOG_DIR
from mnist_mlp.lightning_internals.callback_list import callbacks_of
from mnist_mlp.lightning_internals.epoch_names import EpochsFromOne
from mnist_mlp.lightning_internals.step_counters import batches_before
from mnist_mlp.training.block_obstacles import own_batch_hooks
from mnist_mlp.training.classifier import MLPClassifier

REACHED = {  # the settings of EarlyStopping that end a training at a value
    EarlyStoppingReason.STOPPING_THRESHOLD: "stopping_threshold",
    EarlyStoppingReason.DIVERGENCE_THRESHOLD: "divergence_threshold",
}
WIDTH = 80  # characters of the terminal that the bar and the last lines fit into


class FirstLine(Callback):
    """Say what is trained on what, once the images were read, before the first of them trains."""

    @override
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        mlp = cast(MLPClassifier, pl_module).mlp
        data = cast(MNISTDataModule, getattr(trainer, "datamodule", None))
        if trainer.is_global_zero:
            print(
                f"{'-'.join(map(str, mlp.sizes))} {' '.join(dict.fromkeys(mlp.activations)) or 'no hidden layer'}, "
                f"{cast(Any, pl_module.hparams).cost}, {sum(each.numel() for each in mlp.parameters()):,} parameters, "
                f"on {data.dataset_name}"
            )

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        steps = getattr(trainer.train_dataloader, "steps_per_execution", 1)
        hooks = [f"{hook} of {type(each).__name__}" for each in callbacks_of(trainer) for hook in own_batch_hooks(each)]
        if steps > 1 and hooks and trainer.is_global_zero:
            print(f"called once for each block of {steps} mini-batches: {', '.join(hooks)}")


class SpeedColumn(ProgressColumn):
    """Mini-batches a second."""

    @override
    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:,.0f}/s", style="dim", justify="right")


class CalmProgressBar(EpochsFromOne):
    """One line for all epochs, drawn anew ten times a second, which fits into 80 columns.

    It shows the epoch, a bar, the mini-batches, the time that is left of the epoch, mini-batches a second, and what is
    logged for it, without the number of the run's folder.
    """

    def __init__(self) -> None:
        super().__init__(refresh_rate=10)

    @override
    def configure_columns(self, trainer: Trainer) -> list[ProgressColumn]:
        """All but the bar keep their width; the bar takes what is left, and the metrics stand behind it."""
        whole = Column(no_wrap=True)
        return [
            TextColumn("{task.description}", table_column=whole.copy()),
            BarColumn(bar_width=None, complete_style=self.theme.progress_bar),
            MofNCompleteColumn(table_column=whole.copy()),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True, table_column=whole.copy()),
            SpeedColumn(whole.copy()),
        ]

    @override
    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        # batch_idx counts the blocks
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batches_before(trainer))

    @override
    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        metrics = {name: value for name, value in super().get_metrics(trainer, pl_module).items() if name != "v_num"}
        accuracies = {name: value for name, value in metrics.items() if name.endswith("/acc")}
        return metrics | {name: percent(value) for name, value in accuracies.items() if isinstance(value, float)}


def said_at_the_end(trainer: Trainer, seconds: float) -> list[str]:
    """The last lines of a training.

    Args:
        trainer: What trained.
        seconds: What the training took.
    """
    own = [each for each in trainer.checkpoint_callbacks if isinstance(each, EpochCheckpoint)]
    lines = [stopped_early(trainer), result(trainer, own[0], seconds) if own else None]
    if tried := cast(Any, trainer).fast_dev_run:  # an attribute that no class declares
        lines.append(f"fast_dev_run: {int(tried)} mini-batches of each kind were tried, and nothing was written")
    return [line for line in lines if line]


def result(trainer: Trainer, checkpoint: EpochCheckpoint, seconds: float) -> str:
    """The last lines of a training: its best epoch, how long it took, where it lies, and how to look at it.

    Args:
        trainer: What trained.
        checkpoint: What kept the best epoch.
        seconds: What the training took.
    """
    path, score = checkpoint.best_model_path, checkpoint.best_model_score
    if not path or not Path(path).exists():
        return f"no checkpoint of a best epoch was written · {seconds:.1f} s"
    epoch = read_checkpoint(Path(path))["epoch"] + 1
    best = f"epoch {epoch}" if score is None else f"best val/acc {percent(score.item())} in epoch {epoch}"
    shown = [os.path.normpath(each.save_dir) for each in trainer.loggers if isinstance(each, TensorBoardLogger)]
    return folded([best, f"{seconds:.1f} s", path, *(f"mnist-mlp dashboard {folder}" for folder in shown[:1])])


def measured(metrics: Mapping[str, float]) -> str:
    """What a checkpoint reaches on the images it was measured on: its accuracy in percent, and its cost."""
    accuracies = [f"{name} {percent(value)}" for name, value in metrics.items() if name.endswith("/acc")]
    return " · ".join(accuracies + [f"{name} {value:.4g}" for name, value in metrics.items() if name[-4:] != "/acc"])


def folded(parts: Sequence[str]) -> str:
    """Parts of a line with dots between them, on as many lines of a terminal as they need; each stays whole."""
    lines = [parts[0]]
    for part in parts[1:]:
        longer = f"{lines[-1]} · {part}"
        if len(longer) <= WIDTH:
            lines[-1] = longer
        else:
            lines.append(part)
    return "\n".join(lines)


def stopped_early(trainer: Trainer) -> str | None:
    """What to say where EarlyStopping ended a training before its last epoch, else None."""
    for callback in trainer.early_stopping_callbacks:
        if not (trainer.should_stop and isinstance(callback, EarlyStopping)):
            continue
        said = f"EarlyStopping ended the training in epoch {callback.stopped_epoch + 1}: {callback.monitor}"
        if callback.wait_count >= callback.patience:
            epochs = "an epoch" if callback.wait_count == 1 else f"{callback.wait_count} epochs"
            return f"{said} was not better for {epochs}; with a larger patience it goes on"
        threshold = REACHED.get(callback.stopping_reason)
        if threshold:
            return f"{said} has reached its {threshold} of {getattr(callback, threshold)}"
    return None


def interrupted(command: str, trainer: Trainer) -> str:
    """What a signal that stopped a command says, and how to go on."""
    if command != "fit":
        return f"mnist-mlp {command} was interrupted"
    last = Path(last_good_checkpoint(trainer))
    if not last.is_file():
        return "the run was interrupted before its first checkpoint was written; the same command starts it anew"
    with suppress(ValueError):
        if find_checkpoint("last", Path(LOG_DIR), None).samefile(last):
            return "the run was interrupted; mnist-mlp fit --ckpt_path last continues it"
    return f"the run was interrupted; mnist-mlp fit --ckpt_path {os.path.relpath(last)} continues it"
