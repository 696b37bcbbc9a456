"""A run that is continued: what becomes of its states where other settings are given, and of its best checkpoint."""

import os
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from lightning import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau
from typing_extensions import override

from mnist_mlp.console.files import replaced_at_once
from mnist_mlp.dashboard.ending import show_an_end_that_is_missing
from mnist_mlp.data.module import MNISTDataModule
from mnist_mlp.fit.changed_optimization import change_optimization
from mnist_mlp.fit.checkpoint_files import EpochCheckpoint, is_damaged, keep_as_last, read_checkpoint
from mnist_mlp.fit.same_training import check_same_data
from mnist_mlp.lightning_internals.checkpoint_state import moved
from mnist_mlp.lightning_internals.cut_epochs import (
    begin_the_next_epoch,
    go_on_within_the_epoch,
    is_at_the_end_of_an_epoch,
)


class RunSettings(Callback):
    """Write the settings of a run once it trains, and let what was typed win where a run is continued.

    config.yaml is written when the first step is near: a continuation that was refused leaves it as it was. Each
    checkpoint holds the same text, so that it can be continued where config.yaml is missing.

    Args:
        optimization: The settings of the optimizer and the scheduler, each with class_path and init_args, or None.
        config: All settings, as config.yaml holds them.
    """

    def __init__(self, optimization: dict[str, Any], config: str) -> None:
        self.optimization = optimization
        self.config = config
        self.validation_images = ""
        self._measured: dict[str, float] = {}
        self.trained = False  # whether a training began

    @override
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Note which images validate: a best val/acc is of those, and of no others."""
        data = cast(MNISTDataModule, getattr(trainer, "datamodule", None))
        if stage == "fit" and data.val_size:
            tensors = (data.val_images.images, data.val_images.labels)
            self.validation_images = sha256(b"".join(each.numpy().tobytes() for each in tensors)).hexdigest()

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        _check_length_of_cycle(trainer)
        self.trained = True
        begin_the_next_epoch(trainer)
        for schedule in trainer.lr_scheduler_configs:
            if schedule.monitor in self._measured:
                cast(ReduceLROnPlateau, schedule.scheduler).step(self._measured[schedule.monitor])
        own = [each for each in trainer.checkpoint_callbacks if isinstance(each, EpochCheckpoint)]
        if trainer.is_global_zero and own:
            folder = Path(own[0].dirpath or "").parent
            folder.mkdir(parents=True, exist_ok=True)
            with replaced_at_once(folder / "config.yaml") as part:
                part.write_text(self.config)

    @override
    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self.trained:  # it was done already
            keep_as_last(trainer)
            show_an_end_that_is_missing(trainer, pl_module)

    @override
    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint["optimization"] = self.optimization
        checkpoint["config"] = self.config
        checkpoint["validation_images"] = self.validation_images
        if is_at_the_end_of_an_epoch(checkpoint):  # after this, Lightning lets those step that watch a metric
            schedules = [each for each in trainer.lr_scheduler_configs if each.interval == "epoch"]
            watched = {each.monitor for each in schedules if each.monitor and each.reduce_on_plateau}
            checkpoint["measured"] = {name: trainer.callback_metrics[name].item() for name in watched}
        checkpoint["is_cut_short"] = go_on_within_the_epoch(trainer, checkpoint["loops"])

    @override
    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        # before callbacks, optimizer and scheduler are restored from it
        _check_max_epochs(trainer, checkpoint["epoch"])
        self._measured = checkpoint.get("measured", {})
        states = checkpoint["callbacks"]
        for callback in trainer.checkpoint_callbacks:
            if isinstance(callback, EpochCheckpoint):
                callback.take_old_state(states)
            if isinstance(callback, EpochCheckpoint) and callback.monitor:
                self._keep_best(trainer, callback, states)
            if isinstance(callback, ModelCheckpoint) and callback.state_key in states:
                states[callback.state_key] = moved(states[callback.state_key], str(callback.dirpath))
        for callback in trainer.early_stopping_callbacks:
            if callback.state_key in states:  # where Lightning would let the patience of before win
                states[callback.state_key]["patience"] = callback.patience
        old = checkpoint.get("optimization", self.optimization)
        change_optimization(checkpoint, old, self.optimization, cast(Any, pl_module))
        check_same_data(checkpoint, cast(MNISTDataModule, getattr(trainer, "datamodule", None)), self.validation_images)

    def _keep_best(self, trainer: Trainer, callback: EpochCheckpoint, states: dict[str, dict[str, Any]]) -> None:
        """Let a continued run remember its best checkpoint, wherever it lies now, as long as it can be used.

        Lightning forgets the best score where the folder's name has changed, or where the last epochs had no
        validation, and then overwrites the best checkpoint with a worse one.
        """
        best = Path(os.path.relpath(callback.dirpath or "")) / "best.ckpt"
        if best.is_file() and not is_damaged(best):
            stored = read_checkpoint(best)
            self._check_same_images(best, stored, cast(MNISTDataModule, getattr(trainer, "datamodule", None)))
            callback.take_old_state(stored["callbacks"])
            states.setdefault(callback.state_key, stored["callbacks"][callback.state_key])
        elif states.pop(callback.state_key, {}).get("best_model_path") and trainer.is_global_zero:
            what = "is damaged" if best.exists() else "is not there"
            print(f"{best} {what}: the best of the epochs that follow takes its place")

    def _check_same_images(self, best: Path, stored: dict[str, Any], data: MNISTDataModule) -> None:
        """See that the best val/acc so far is of the images that validate now.

        Raises:
            ValueError: if it is of others.
        """
        before, now = stored.get("validation_images"), self.validation_images
        if before is None:  # an older version's
            old, new = stored[LightningDataModule.CHECKPOINT_HYPER_PARAMS_KEY], data.hparams
            before, now = ([each.get(name) for name in ("dataset", "val_size")] for each in (old, new))
        if before != now:
            raise ValueError(
                f"the best val/acc so far, that of {best}, is of other validation images than those of "
                f"{data.dataset_name} now; continue with the data before, or start a new run without --ckpt_path"
            )


def _check_max_epochs(trainer: Trainer, epoch: int) -> None:
    if trainer.max_epochs is not None and 0 <= trainer.max_epochs <= epoch and trainer.state.fn == "fit":
        raise ValueError(
            f"trainer.max_epochs must be at least {epoch + 1}, since so many epochs of this run were begun already; "
            f"got {trainer.max_epochs}"
        )


def _check_length_of_cycle(trainer: Trainer) -> None:
    """See that a cycle of the learning rate does not end before the training: torch would stop there with an error."""
    for config in trainer.lr_scheduler_configs:
        if isinstance(config.scheduler, OneCycleLR):
            total = config.scheduler.total_steps
            needed, what = trainer.estimated_stepping_batches, "mini-batches"
            if config.interval == "epoch":
                needed, what = trainer.max_epochs or 0, "epochs"
            if needed > total:
                raise ValueError(
                    f"model.scheduler.init_args.total_steps must be at least {needed}, the {what} of this training; "
                    f"got {total}"
                )
