"""What `mnist-mlp fit` says: its first line, the progress bar, and its last line."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, RichProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from typing_extensions import override

from mnist_mlp.data.module import MNISTDataModule
from mnist_mlp.fit.checkpoint_files import EpochCheckpoint, last_good_checkpoint, read_checkpoint
from mnist_mlp.fit.run_folder import find_checkpoint
from mnist_mlp.fit.settings import LOG_DIR
from mnist_mlp.lightning_internals.step_counters import batches_before
from mnist_mlp.training.classifier import MLPClassifier


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


class CalmProgressBar(RichProgressBar):
    """One line for all epochs, drawn anew ten times a second, without the number of the run's folder."""

    def __init__(self) -> None:
        super().__init__(refresh_rate=10)

    @override
    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        # batch_idx counts the blocks
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batches_before(trainer))

    @override
    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        return {name: value for name, value in super().get_metrics(trainer, pl_module).items() if name != "v_num"}


def result(trainer: Trainer, checkpoint: EpochCheckpoint, seconds: float) -> str:
    """The last line of a training: its best epoch, where that lies, and how long it took.

    Args:
        trainer: What trained.
        checkpoint: What kept the best epoch.
        seconds: What the training took.
    """
    path, score = checkpoint.best_model_path, checkpoint.best_model_score
    if not path or not Path(path).exists():
        return f"no checkpoint of a best epoch was written · {seconds:.1f} s"
    epoch = read_checkpoint(Path(path))["epoch"]
    best = f"epoch {epoch}" if score is None else f"best val/acc {score:.2%} in epoch {epoch}"
    shown = [os.path.normpath(each.save_dir) for each in trainer.loggers if isinstance(each, TensorBoardLogger)]
    view = f" · mnist-mlp dashboard {shown[0]}" if shown else ""
    return f"{best} · {path} · {seconds:.1f} s{view}"


def stopped_early(trainer: Trainer) -> str | None:
    """What to say where EarlyStopping ended a training before its last epoch, else None."""
    for callback in trainer.early_stopping_callbacks:
        if trainer.should_stop and isinstance(callback, EarlyStopping) and callback.wait_count >= callback.patience:
            epochs = "an epoch" if callback.wait_count == 1 else f"{callback.wait_count} epochs"
            return (
                f"EarlyStopping ended the training in epoch {callback.stopped_epoch}: {callback.monitor} was not "
                f"better for {epochs}; with a larger patience it goes on"
            )
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
