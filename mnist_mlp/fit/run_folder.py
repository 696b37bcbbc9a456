"""The folder of a run, `logs/<name>/version_N`: claimed for a new run, found again by its checkpoint."""

import glob
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import cast

from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from typing_extensions import override

from mnist_mlp.fit.checkpoint_files import is_damaged, read_checkpoint
from mnist_mlp.fit.run_name import check_run_name


def find_checkpoint(which: str, log_dir: Path, name: str | None, setting: str = "ckpt_path") -> Path:
    """The path of a checkpoint.

    Args:
        which: "best" of the newest run; "last", its newest checkpoint, also one that a callback wrote inside an epoch;
            or a path.
        log_dir: The folder of all runs.
        name: Look among the runs of this name; by default among all.
        setting: What says so, for the message.

    Raises:
        ValueError: if there is none, or no run can have this name.
    """
    if name is not None:
        check_run_name(name)
    if which not in ("best", "last"):
        if not os.path.isfile(which):  # which is False for what no file can be called, too
            raise ValueError(f"{setting} must be best, last or the path of a checkpoint; there is no file {which:.200}")
        return Path(which)
    runs = f"{glob.escape(name) if name else '*'}/*"
    found = list(log_dir.glob(f"{runs}/checkpoints/{'best' if which == 'best' else '*'}.ckpt"))
    if not found:
        raise ValueError(
            f"no run in {log_dir / (name or '')} has a {which} checkpoint; train one with "
            f"mnist-mlp fit --config quickstart, or give the path of a checkpoint with --{setting}"
        )
    begun = [path.parent for path in log_dir.glob(f"{runs}/config.yaml")]
    newest = max([*(path.parent.parent for path in found), *begun], key=_last_written)
    of_newest = [path for path in found if path.parent.parent == newest]
    if not of_newest:
        older = max(found, key=_time_of)
        raise ValueError(
            f"the newest run, {newest}, has no {which} checkpoint: start it anew, or give that of an older run by its "
            f"path, --{setting} {older}"
        )
    return of_newest[0] if which == "best" else _newest_of_a_run(of_newest)


def _newest_of_a_run(checkpoints: list[Path]) -> Path:
    """last.ckpt, or a whole one that was written after it, at a later step.

    The time alone does not tell: a copied folder may have them in any order.
    """
    last = next((path for path in checkpoints if path.name == "last.ckpt"), None)
    if last is None:
        return max(checkpoints, key=_time_of)
    after = [path for path in checkpoints if _time_of(path) > _time_of(last) and not is_damaged(path)]
    later = [path for path in after if _step_of(path) > _step_of(last)]
    return max(later, key=_time_of, default=last)


def _step_of(checkpoint: Path) -> int:
    return read_checkpoint(checkpoint)["global_step"]


def _time_of(file: Path) -> float:
    return file.stat().st_mtime


def _last_written(run: Path) -> float:
    """When a run began or last wrote a checkpoint, whichever was later, in seconds."""
    files = [run / "config.yaml", *run.glob("checkpoints/*.ckpt")]
    return max(_time_of(file) for file in files if file.exists())


def discard(folder: Path) -> None:
    """Remove the folder that a run has claimed and does not need, and those above it that held nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # which says that there are other runs
        folder.parent.rmdir()
        folder.parent.parent.rmdir()


def run_folder(checkpoint: Path | None) -> Path | None:
    """The folder of the run that a checkpoint lies in, or None if it lies elsewhere.

    That is `logs/<name>/version_N`, or what it was renamed to, which its config.yaml tells.
    """
    folder = checkpoint.resolve().parent if checkpoint else Path()
    is_a_run = folder.parent.name.startswith("version_") or (folder.parent / "config.yaml").exists()
    if folder.name != "checkpoints" or not is_a_run:
        return None
    return Path(os.path.relpath(folder.parent))


def claim_version(folder: Path) -> int:
    """The number of the folder `version_N` that was made, the first that was free.

    Of the processes of a distributed run the first one claims; the others write nothing, and get 0.
    """
    return cast(int | None, _first_free(folder)) or 0


@rank_zero_only
def _first_free(folder: Path) -> int:
    version = 0
    while True:
        try:
            (folder / f"version_{version}").mkdir(parents=True)
            return version
        except FileExistsError:
            version += 1


@rank_zero_only
def _check_folder(folder: Path) -> None:
    """See that a folder can be made and written, in the process that writes; it is not made yet."""
    try:
        nearest = next(each for each in (folder, *folder.absolute().parents) if each.exists())
        tempfile.TemporaryFile(dir=nearest).close()
    except OSError as error:
        raise type(error)(
            f"the log folder {folder} cannot be written ({error.strerror}): "
            "choose another with --trainer.default_root_dir"
        ) from error


class NewRun(TensorBoardLogger):
    """TensorBoard in a folder `version_N` that no other run has, also where two start at once.

    The folder is made when it is first asked for, so that a session that is never run leaves none.

    Args:
        log_dir: The folder of all runs.
        name: The run's folder in it.

    Raises:
        OSError: if nothing can be written there.
    """

    def __init__(self, log_dir: Path, name: str) -> None:
        super().__init__(log_dir, name, default_hp_metric=False)
        self._claimed: int | None = None
        _check_folder(log_dir / name)

    @property
    def claimed(self) -> Path | None:
        """The folder of the run, once it was asked for."""
        return None if self._claimed is None else Path(self.root_dir) / f"version_{self._claimed}"

    @property
    @override
    def version(self) -> int:
        if self._claimed is None:
            self._claimed = claim_version(Path(self.root_dir))
        return self._claimed


def logger_of(command: str, checkpoint: Path | None, log_dir: Path, name: str) -> TensorBoardLogger | bool:
    """TensorBoard in a new folder, or in that of the run whose checkpoint is trained on or tested; False for none.

    Args:
        command: fit, validate, test or predict.
        checkpoint: What is trained on or measured, if anything.
        log_dir: The folder of all runs.
        name: The folder of a new run in it.
    """
    folder = run_folder(checkpoint)
    if command == "test" and folder:
        return old_run(folder, purge_step=None)
    if command != "fit":
        return False
    if folder and checkpoint:  # what was logged after the checkpoint is no longer true
        content = read_checkpoint(checkpoint)
        step = content["global_step"]
        # the end of an epoch that was cut short will come again
        return old_run(folder, purge_step=step if content.get("is_cut_short") else step + 1)
    return NewRun(log_dir, name)


def old_run(folder: Path, purge_step: int | None) -> TensorBoardLogger:
    """TensorBoard in the folder of a run there is.

    It reads the files of a run in the order of their names, which begin with the second. So where the last one is of
    this second, as after a training of a few images in a notebook, this waits for the next.

    Args:
        folder: That of the run.
        purge_step: The mini-batch from which on nothing that was logged is true any longer, or None.
    """
    while glob.glob(f"events.out.tfevents.{int(time.time()):010}.*", root_dir=folder):
        time.sleep(0.05)
    runs = folder.absolute().parent
    where = (os.path.relpath(runs.parent), runs.name, folder.absolute().name)
    return TensorBoardLogger(*where, default_hp_metric=False, purge_step=purge_step)
