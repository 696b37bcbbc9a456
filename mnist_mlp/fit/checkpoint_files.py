"""The checkpoints that a run writes, best.ckpt and last.ckpt: written whole, and read only where they are whole."""

import io
import shutil
import zipfile
import zlib
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO
from typing_extensions import override

from mnist_mlp.console.files import replaced_at_once
from mnist_mlp.lightning_internals.cut_epochs import is_inside_an_epoch

SEAL = b"sha256 of all before: "  # begins the comment at the end of a checkpoint's archive
DIGITS = 64  # of the digest, which ends it
NAMES = ("last.ckpt", "best.ckpt")


def model_checkpoints(validates: bool) -> list["EpochCheckpoint"]:
    """Keep the epoch with the best val/acc as best.ckpt, where there is validation, and the last one as last.ckpt.

    They lie in the logger's folder, or where `keep_in` says.
    """
    settings: dict[str, Any] = {"save_on_train_epoch_end": True, "enable_version_counter": False}
    last = EpochCheckpoint(filename="last", **settings)
    best = EpochCheckpoint(filename="best", monitor="val/acc", mode="max", **settings)
    return [best, last] if validates else [last]


class EpochCheckpoint(ModelCheckpoint):
    """Keep one epoch of a run; its name lets it share no state with another ModelCheckpoint that a user adds."""

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave out the best of an epoch that was cut short, or ended before the first one that validates."""
        has_score = self.monitor in trainer.callback_metrics and not is_inside_an_epoch(trainer)
        if has_score or not self.monitor:
            super().on_train_epoch_end(trainer, pl_module)

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take all of its state again: Lightning's own leaves out the score of the last epoch that was kept."""
        super().load_state_dict(state_dict)
        self.current_score = state_dict.get("current_score")

    def take_old_state(self, states: dict[str, dict[str, Any]]) -> None:
        """Find its state again in a checkpoint of an older version, where it was an ordinary ModelCheckpoint."""
        old_key = self.state_key.replace(type(self).__name__, ModelCheckpoint.__name__, 1)
        if old_key in states and self.state_key not in states:
            states[self.state_key] = states.pop(old_key)


def without_folder(trainer: Trainer) -> list[ModelCheckpoint]:
    """Those callbacks that write checkpoints, ours and a user's own, which were not told where."""
    writers = [each for each in trainer.checkpoint_callbacks if isinstance(each, ModelCheckpoint)]
    return [] if cast(Any, trainer).fast_dev_run else [each for each in writers if each.dirpath is None]


def keep_in(checkpoints: Iterable[ModelCheckpoint], folder: Path) -> None:
    """Let checkpoints be written into a folder, where there is no logger that has one."""
    for each in checkpoints:
        each.dirpath = str(folder.absolute())


def last_good_checkpoint(trainer: Trainer) -> str:
    """The path of the last checkpoint that a training wrote, in words where there is none."""
    callbacks = [each for each in trainer.checkpoint_callbacks if isinstance(each, EpochCheckpoint)]
    path = callbacks[-1].best_model_path if callbacks else ""
    return path or "none: none was written yet"


def keep_as_last(trainer: Trainer) -> None:
    """Write the last.ckpt that a training which is done lacks: it was killed behind its best.ckpt.

    Args:
        trainer: It has loaded the newest checkpoint of the run, and had nothing left to train.
    """
    callbacks = [each for each in trainer.checkpoint_callbacks if isinstance(each, EpochCheckpoint)]
    if not callbacks or not trainer.is_global_zero:
        return
    newest, last = Path(trainer.ckpt_path or ""), Path(callbacks[-1].dirpath or "") / "last.ckpt"
    if newest.resolve().parent != last.resolve().parent:
        return
    if not last.exists() or is_damaged(last) or read_checkpoint(last)["global_step"] < trainer.global_step:
        with replaced_at_once(last) as part:
            shutil.copyfile(newest, part)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What a checkpoint holds, if every byte is as it was written; nothing that the file may hold is run.

    Raises:
        ValueError: if it is damaged, or no checkpoint of this project; it names the run's other checkpoint.
    """
    content = path.read_bytes()
    if not content:
        raise ValueError(f"{path} is not a checkpoint of this project: {path.name} is empty; {_way_on(path)}")
    if not _is_whole(content):  # torch would not notice
        raise not_a_checkpoint(path)
    try:
        return torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    except Exception as error:  # there is no list of what reading foreign bytes may raise
        raise not_a_checkpoint(path) from error


def not_a_checkpoint(path: Path) -> ValueError:
    """The error of a file that is damaged, or holds something else; it names the run's other checkpoint."""
    return ValueError(
        f"{path} is not a checkpoint of this project, or it is damaged (nothing in it was run); {_way_on(path)}"
    )


def is_damaged(path: Path) -> bool:
    """Whether a file is not as a checkpoint was written."""
    return not _is_whole(path.read_bytes())


def _way_on(path: Path) -> str:
    """The run's other checkpoint where that is whole, for the end of a message."""
    for name in NAMES:
        other = path.with_name(name)
        if name != path.name and path.name in NAMES and other.is_file() and not is_damaged(other):
            return f"the run's other checkpoint is whole: --ckpt_path {other}"
    return "give one that mnist-mlp fit wrote"


def _sealed(archive: bytes) -> bytes:
    """An archive with a comment, which zip files may have at their end: the digest of all bytes before it."""
    length = len(SEAL) + DIGITS
    head = archive[:-2] + length.to_bytes(2, "little") + SEAL
    return head + sha256(head).hexdigest().encode()


def _is_whole(content: bytes) -> bool:
    """Whether a checkpoint is as it was written.

    Those that Lightning or an older version wrote have no digest; of them each file in the archive has its CRC-32.
    """
    head, digest = content[:-DIGITS], content[-DIGITS:]
    if head.endswith(SEAL):
        return sha256(head).hexdigest().encode() == digest
    end = content[-22:]  # of an archive without a comment, whose length is in the last two bytes
    if not (end.startswith(b"PK\x05\x06") and end.endswith(b"\0\0")):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, RuntimeError, NotImplementedError, OverflowError):
        return False


class SafeCheckpointIO(TorchCheckpointIO):
    """Replace a checkpoint at once, so that a kill leaves the old one or the new one, and read only whole ones.

    Lightning's own goes through the temporary folder, from where a move to another file system is a copy, and torch
    does not notice where a byte of what it reads was changed.
    """

    @override
    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced_at_once(path) as part:
            torch.save(checkpoint, part)
            part.write_bytes(_sealed(part.read_bytes()))

    @override
    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        return read_checkpoint(Path(path))
