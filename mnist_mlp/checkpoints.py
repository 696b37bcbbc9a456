"""The checkpoints of a run: writing, finding and continuing them, and the settings they were trained with."""

import pickle
from pathlib import Path
from typing import Any

import torch
import yaml
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

DATA_SETTINGS = ("dataset", "data_dir", "val_size", "train_size", "normalize")


class Continuation(Callback):
    """Continue a run where it lies now and with what was typed, whatever its checkpoint holds.

    Args:
        remembered: The model's settings in the run that wrote the checkpoint.
        typed: The model's settings now.
    """

    def __init__(self, remembered: dict[str, Any], typed: dict[str, Any]) -> None:
        self.remembered = remembered
        self.typed = typed

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Change the checkpoint before callbacks, optimizer and scheduler are restored from it."""
        for callback in trainer.checkpoint_callbacks:
            if isinstance(callback, ModelCheckpoint) and callback.state_key in checkpoint["callbacks"]:
                checkpoint["callbacks"][callback.state_key] = _moved(
                    checkpoint["callbacks"][callback.state_key], str(callback.dirpath)
                )
        for setting, states in (("optimizer", "optimizer_states"), ("scheduler", "lr_schedulers")):
            old, new = self.remembered[setting], self.typed[setting]
            if old == new:
                continue
            if old is None or new is None or old["class_path"] != new["class_path"]:
                checkpoint[states] = []
                continue
            changed = {k: v for k, v in new["init_args"].items() if old["init_args"].get(k) != v}
            for state in checkpoint[states]:
                for group in state.get("param_groups", [state]):
                    group.update(changed)
                    if "lr" in changed and "initial_lr" in group:
                        group["initial_lr"] = changed["lr"]
            if "lr" in changed:
                for state in checkpoint["lr_schedulers"]:
                    state["base_lrs"] = [changed["lr"]] * len(state["base_lrs"])


def _moved(state: dict[str, Any], folder: str) -> dict[str, Any]:
    """The state of a ModelCheckpoint as if its files had always lain in this folder.

    Lightning forgets the best score where the folder's name has changed, if only from relative to absolute, and then
    overwrites the best checkpoint with a worse one.
    """

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
    found = list(log_dir.glob(f"{name or '*'}/version_*/checkpoints/{which}.ckpt"))
    if not found:
        raise ValueError(
            f"no run in {log_dir / (name or '')} has a {which} checkpoint; train one with "
            "mnist-mlp fit --config configs/quickstart.yaml, or give the path of a checkpoint with --ckpt_path"
        )
    return max(found, key=lambda path: path.stat().st_mtime)


def run_folder(checkpoint: Path) -> Path | None:
    """The folder `logs/<name>/version_N` that a checkpoint lies in, or None if it lies elsewhere."""
    folder = checkpoint.parent.parent
    return folder if checkpoint.parent.name == "checkpoints" and folder.name.startswith("version_") else None


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
            "put the checkpoint back, or start a new run without --ckpt_path"
        )
    settings = yaml.safe_load(config.read_text())
    return {key: value for key, value in settings.items() if key not in ("ckpt_path", "weights_only")}


def model_checkpoints(validates: bool) -> list[Callback]:
    """Keep the epoch with the best val/acc as best.ckpt, where there is validation, and the last one as last.ckpt."""
    settings: dict[str, Any] = {"save_on_train_epoch_end": True, "enable_version_counter": False}
    last = ModelCheckpoint(filename="last", **settings)
    best = ModelCheckpoint(filename="best", monitor="val/acc", mode="max", **settings)
    return [best, last] if validates else [last]
