"""A run that is continued: what becomes of its states where other settings are given, and of its best checkpoint."""

import os
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from lightning import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from typing_extensions import override

from mnist_mlp.console.files import replaced_at_once
from mnist_mlp.dashboard.ending import show_an_end_that_is_missing
from mnist_mlp.data.module import MNISTDataModule
from mnist_mlp.fit.checkpoint_files import EpochCheckpoint, is_damaged, read_checkpoint
from mnist_mlp.lightning_internals.checkpoint_state import moved
from mnist_mlp.lightning_internals.cut_epochs import begin_the_next_epoch, go_on_within_the_epoch


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
        self.trained = True
        begin_the_next_epoch(trainer)
        own = [each for each in trainer.checkpoint_callbacks if isinstance(each, EpochCheckpoint)]
        if trainer.is_global_zero and own:
            folder = Path(own[0].dirpath or "").parent
            folder.mkdir(parents=True, exist_ok=True)
            with replaced_at_once(folder / "config.yaml") as part:
                part.write_text(self.config)

    @override
    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self.trained:  # it was done already
            show_an_end_that_is_missing(trainer, pl_module)

    @override
    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint["optimization"] = self.optimization
        checkpoint["config"] = self.config
        checkpoint["validation_images"] = self.validation_images
        checkpoint["is_cut_short"] = go_on_within_the_epoch(trainer, checkpoint["loops"])

    @override
    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        # before callbacks, optimizer and scheduler are restored from it
        _check_max_epochs(trainer, checkpoint["epoch"])
        states = checkpoint["callbacks"]
        for callback in trainer.checkpoint_callbacks:
            if isinstance(callback, EpochCheckpoint):
                callback.take_old_state(states)
            if isinstance(callback, EpochCheckpoint) and callback.monitor:
                self._keep_best(trainer, callback, states)
            if isinstance(callback, ModelCheckpoint) and callback.state_key in states:
                states[callback.state_key] = moved(states[callback.state_key], str(callback.dirpath))
        _change_optimization(checkpoint, checkpoint.get("optimization", self.optimization), self.optimization)

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


def _change_optimization(checkpoint: dict[str, Any], old: dict[str, Any], new: dict[str, Any]) -> None:
    """Let the states of optimizer and scheduler in a checkpoint take the settings that are others than they were."""
    if _class_of(old["optimizer"]) != _class_of(new["optimizer"]):
        checkpoint["optimizer_states"] = checkpoint["lr_schedulers"] = []
    if _class_of(old["scheduler"]) != _class_of(new["scheduler"]):
        checkpoint["lr_schedulers"] = []
    optimizer, scheduler = (_changed(old[setting], new[setting]) for setting in ("optimizer", "scheduler"))
    for state in checkpoint["optimizer_states"]:
        for group in state["param_groups"]:
            group.update(optimizer)
            if "lr" in optimizer and "initial_lr" in group:
                group["initial_lr"] = optimizer["lr"]
    for state in checkpoint["lr_schedulers"]:
        state.update(scheduler)
        if "lr" in optimizer and "base_lrs" in state:
            state["base_lrs"] = [optimizer["lr"]] * len(state["base_lrs"])


def _class_of(setting: dict[str, Any] | None) -> str | None:
    return setting["class_path"] if setting else None


def _changed(old: dict[str, Any] | None, new: dict[str, Any] | None) -> dict[str, Any]:
    """The arguments of an optimizer or scheduler that are others than they were."""
    if not old or not new:
        return {}
    return {k: v for k, v in new["init_args"].items() if old["init_args"].get(k) != v}
