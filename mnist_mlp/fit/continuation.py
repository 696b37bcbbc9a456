"""A run that is continued: the settings it was trained with, and what becomes of its states where others are given."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from typing_extensions import override

from mnist_mlp.fit.run_folder import run_folder
from mnist_mlp.fit.settings import read_settings
from mnist_mlp.lightning_internals.checkpoint_state import moved

DATA_SETTINGS = ("dataset", "data_dir", "val_size", "train_size", "normalize", "image_size")


class RunSettings(Callback):
    """Write the settings of a run once it trains, and let what was typed win where a run is continued.

    config.yaml is written when the first step is near: a continuation that was refused leaves it as it was.

    Args:
        optimization: The settings of the optimizer and the scheduler, each with class_path and init_args, or None.
        write_config: What writes config.yaml into a folder.
    """

    def __init__(self, optimization: dict[str, Any], write_config: Callable[[Path], None]) -> None:
        self.optimization = optimization
        self.write_config = write_config

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        callback = trainer.checkpoint_callback
        if trainer.is_global_zero and isinstance(callback, ModelCheckpoint) and callback.dirpath:
            folder = Path(callback.dirpath).parent
            folder.mkdir(parents=True, exist_ok=True)
            self.write_config(folder)

    @override
    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint["optimization"] = self.optimization

    @override
    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        # before callbacks, optimizer and scheduler are restored from it
        _check_max_epochs(trainer, checkpoint["epoch"])
        for callback in trainer.checkpoint_callbacks:
            if isinstance(callback, ModelCheckpoint):
                _keep_best(callback, checkpoint["callbacks"])
        _change_optimization(checkpoint, checkpoint.get("optimization", self.optimization), self.optimization)


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


def _keep_best(callback: ModelCheckpoint, states: dict[str, dict[str, Any]]) -> None:
    """Let a continued run remember its best checkpoint, wherever it lies now.

    Lightning forgets the best score where the folder's name has changed, or where the last epochs had no validation,
    and then overwrites the best checkpoint with a worse one.
    """
    best = Path(callback.dirpath or "") / "best.ckpt"
    if callback.state_key not in states and callback.monitor and best.exists():
        stored = torch.load(best, weights_only=True, map_location="cpu")["callbacks"]
        states |= {key: state for key, state in stored.items() if key == callback.state_key}
    if callback.state_key in states:
        states[callback.state_key] = moved(states[callback.state_key], str(callback.dirpath))


def remembered_settings(checkpoint: Path, continues: bool) -> dict[str, Any]:
    """The settings that a checkpoint was trained with.

    Args:
        checkpoint: Its path.
        continues: Whether to give the run's whole configuration, from its folder, so that the run can be continued;
            else those of the model and the data set, which the checkpoint itself holds.

    Raises:
        ValueError: if the file is not a checkpoint, or does not lie in its run's folder where the run is continued.
    """
    try:
        stored = torch.load(checkpoint, weights_only=True, map_location="cpu")
        model = stored[LightningModule.CHECKPOINT_HYPER_PARAMS_KEY]
        data = stored.get(LightningDataModule.CHECKPOINT_HYPER_PARAMS_KEY, {})
        settings = {
            # Lightning's own begin with an underscore
            "model": {name: value for name, value in model.items() if not name.startswith("_")},
            "data": {name: value for name, value in data.items() if name in DATA_SETTINGS},
        }
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{checkpoint} is not a checkpoint of this project, or it is damaged; give one that mnist-mlp fit wrote"
        ) from error
    return _configuration(checkpoint) if continues else settings


def _configuration(checkpoint: Path) -> dict[str, Any]:
    """What stands in config.yaml beside the folder of a checkpoint."""
    config = (run_folder(checkpoint) or checkpoint.parent) / "config.yaml"
    if not config.exists():
        raise ValueError(
            f"a run is continued in its folder, and {checkpoint} has no {config} beside it; "
            "put it back, or start a new run without --ckpt_path"
        )
    try:
        settings = read_settings(config)
    except ValueError as error:
        raise ValueError(
            f"{config} is damaged ({error}); write it anew, or give --config and no --ckpt_path"
        ) from error
    return {name: value for name, value in settings.items() if name not in ("ckpt_path", "weights_only")}
