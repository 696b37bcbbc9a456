"""The checkpoints of a run: writing, finding and continuing them, and the settings they were trained with."""

import glob
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml
from lightning import Callback, LightningModule, Trainer
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from mnist_mlp.console.files import replaced_at_once

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

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write config.yaml beside the folder of the checkpoints."""
        callback = trainer.checkpoint_callback
        if trainer.is_global_zero and isinstance(callback, ModelCheckpoint) and callback.dirpath:
            folder = Path(callback.dirpath).parent
            folder.mkdir(parents=True, exist_ok=True)
            self.write_config(folder)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Keep the settings that the states in the checkpoint belong to."""
        checkpoint["optimization"] = self.optimization

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Change the checkpoint before callbacks, optimizer and scheduler are restored from it."""
        for callback in trainer.checkpoint_callbacks:
            if isinstance(callback, ModelCheckpoint):
                _keep_best(callback, checkpoint["callbacks"])
        old, new = checkpoint.get("optimization", self.optimization), self.optimization
        optimizer, scheduler = (_changed(old[setting], new[setting]) for setting in ("optimizer", "scheduler"))
        if _class_of(old["optimizer"]) != _class_of(new["optimizer"]):
            checkpoint["optimizer_states"] = checkpoint["lr_schedulers"] = []
        if _class_of(old["scheduler"]) != _class_of(new["scheduler"]):
            checkpoint["lr_schedulers"] = []
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

    Lightning forgets the best score where the folder's name has changed, if only from relative to absolute, or where
    the last epochs had no validation, and then overwrites the best checkpoint with a worse one.
    """
    best = Path(callback.dirpath or "") / "best.ckpt"
    if callback.state_key not in states and callback.monitor and best.exists():
        stored = torch.load(best, weights_only=True, map_location="cpu")["callbacks"]
        states |= {key: state for key, state in stored.items() if key == callback.state_key}
    if callback.state_key in states:
        states[callback.state_key] = _moved(states[callback.state_key], str(callback.dirpath))


def _moved(state: dict[str, Any], folder: str) -> dict[str, Any]:
    """The state of a ModelCheckpoint as if its files had always lain in this folder."""

    def moved(path: str) -> str:
        return str(Path(folder) / Path(path).name) if path else path

    paths = {key: moved(state[key]) for key in ("best_model_path", "kth_best_model_path", "last_model_path")}
    best = {moved(path): score for path, score in state["best_k_models"].items()}
    return state | paths | {"best_k_models": best, "dirpath": folder}


def find_checkpoint(which: str, log_dir: Path, name: str | None) -> Path:
    """The path of a checkpoint.

    Args:
        which: "best" or "last" of the newest run, or a path.
        log_dir: The folder of all runs.
        name: Look among the runs of this name; by default among all.

    Raises:
        ValueError: if there is none.
    """
    if which not in ("best", "last"):
        if not Path(which).is_file():
            raise ValueError(f"ckpt_path must be best, last or the path of a checkpoint; there is no file {which}")
        return Path(which)
    found = list(log_dir.glob(f"{glob.escape(name or '') or '*'}/version_*/checkpoints/{which}.ckpt"))
    if not found:
        raise ValueError(
            f"no run in {log_dir / (name or '')} has a {which} checkpoint; train one with "
            "mnist-mlp fit --config configs/quickstart.yaml, or give the path of a checkpoint with --ckpt_path"
        )
    return max(found, key=lambda path: path.stat().st_mtime)


def run_folder(checkpoint: Path) -> Path | None:
    """The folder `logs/<name>/version_N` that a checkpoint lies in, or None if it lies elsewhere."""
    folder = checkpoint.resolve().parent
    if folder.name != "checkpoints" or not folder.parent.name.startswith("version_"):
        return None
    return Path(os.path.relpath(folder.parent))


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
        model = {k: v for k, v in stored["hyper_parameters"].items() if not k.startswith("_")}
        data = {k: v for k, v in stored.get("datamodule_hyper_parameters", {}).items() if k in DATA_SETTINGS}
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{checkpoint} is not a checkpoint of this project, or it is damaged; give one that mnist-mlp fit wrote"
        ) from error
    if not continues:
        return {"model": model, "data": data}
    config = (run_folder(checkpoint) or checkpoint.parent) / "config.yaml"
    if not config.exists():
        raise ValueError(
            f"a run is continued in its folder, and {checkpoint} has no {config} beside it; "
            "put it back, or start a new run without --ckpt_path"
        )
    try:
        settings = yaml.safe_load(config.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{config} is damaged ({error}); write it anew, or give --config and no --ckpt_path"
        ) from error
    if not isinstance(settings, dict):
        raise ValueError(f"{config} must hold settings by name; got {settings!r}; write it anew")
    return {key: value for key, value in settings.items() if key not in ("ckpt_path", "weights_only")}


def model_checkpoints(validates: bool, folder: Path | None) -> list[Callback]:
    """Keep the epoch with the best val/acc as best.ckpt, where there is validation, and the last one as last.ckpt.

    Args:
        validates: Whether there is validation.
        folder: Where to write them; by default the logger's folder.
    """
    settings: dict[str, Any] = {"dirpath": folder, "save_on_train_epoch_end": True, "enable_version_counter": False}
    last = ModelCheckpoint(filename="last", **settings)
    best = ModelCheckpoint(filename="best", monitor="val/acc", mode="max", **settings)
    return [best, last] if validates else [last]


class AtomicCheckpointIO(TorchCheckpointIO):
    """Write a checkpoint beside its destination and move it there, so that a kill leaves the old one or the new one.

    Lightning's own goes through the temporary folder, from where a move to another file system is a copy.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Write the checkpoint."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced_at_once(path) as part:
            torch.save(checkpoint, part)


class RunLogger(TensorBoardLogger):
    """TensorBoard in a folder `version_N` that no other run has, also where two start at once."""

    def _get_next_version(self) -> int:
        return claim_version(Path(self.root_dir))


def claim_version(folder: Path) -> int:
    """The number of the folder `version_N` that was made, the first that was free.

    Of the processes of a distributed run the first one claims; the others write nothing, and get 0.
    """
    version = 0
    while rank_zero_only.rank == 0:  # pyright: ignore[reportFunctionMemberAccess]
        try:
            (folder / f"version_{version}").mkdir(parents=True)
            break
        except FileExistsError:
            version += 1
    return version
