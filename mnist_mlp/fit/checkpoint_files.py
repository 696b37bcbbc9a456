"""The checkpoints that a run writes: best.ckpt, and last.ckpt."""

from pathlib import Path
from typing import Any

import torch
from lightning import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO
from typing_extensions import override

from mnist_mlp.console.files import replaced_at_once


def model_checkpoints(validates: bool, folder: Path | None) -> list[ModelCheckpoint]:
    """Keep the epoch with the best val/acc as best.ckpt, where there is validation, and the last one as last.ckpt.

    Args:
        validates: Whether there is validation.
        folder: Where to write them; by default the logger's folder.
    """
    settings: dict[str, Any] = {"dirpath": folder, "save_on_train_epoch_end": True, "enable_version_counter": False}
    last = ModelCheckpoint(filename="last", **settings)
    best = ModelCheckpoint(filename="best", monitor="val/acc", mode="max", **settings)
    return [best, last] if validates else [last]


def last_good_checkpoint(trainer: Trainer) -> str:
    """The path of the last checkpoint that a training wrote, in words where there is none."""
    callbacks = [each for each in trainer.checkpoint_callbacks if isinstance(each, ModelCheckpoint)]
    path = callbacks[-1].best_model_path if callbacks else ""
    return path or "none: none was written yet"


class AtomicCheckpointIO(TorchCheckpointIO):
    """Replace a checkpoint at once, so that a kill leaves the old one or the new one.

    Lightning's own goes through the temporary folder, from where a move to another file system is a copy.
    """

    @override
    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced_at_once(path) as part:
            torch.save(checkpoint, part)
