"""The file of a study: Optuna's journal, with a line of JSON for each thing that happened."""

import json
from contextlib import suppress
from pathlib import Path

import optuna
from optuna.pruners import MedianPruner
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

UNPRUNED_TRIALS = 5  # that must be complete before another one is given up
UNPRUNED_EPOCHS = 1  # at whose end none is given up yet
FIRST_KEY = b'{"op_code":'
GRACE_SECONDS = 30  # after which the lock of a process is broken that was killed while it wrote


def open_study(path: Path, name: str) -> tuple[optuna.Study, JournalStorage]:
    """Open a study, or begin one.

    Args:
        path: The file; its folder must exist.
        name: That of the study, which tells its search.

    Returns:
        The study, and where it is stored.

    Raises:
        ValueError: if the file holds another study, something else, or damage.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if path.exists():
        _mend(path)
    try:
        storage = JournalStorage(JournalFileBackend(str(path), _lock_of(path)))
        names = [study.study_name for study in storage.get_all_studies()]
    except OSError:
        raise
    except Exception as error:  # there is no list of what replaying damaged records may raise
        raise damaged_study(path, f"{type(error).__name__}: {error}") from error
    if any(each != name for each in names):
        raise ValueError(
            f"{path} holds the trials of another search: a range or a fixed setting is not what it was; "
            "name another file with --study, or move it away"
        )
    if not names and path.stat().st_size:
        raise damaged_study(path, "its first lines are missing")
    pruner = MedianPruner(UNPRUNED_TRIALS, UNPRUNED_EPOCHS)
    if names:
        return optuna.load_study(study_name=name, storage=storage, pruner=pruner), storage
    return optuna.create_study(  # or what another process has begun meanwhile
        study_name=name, storage=storage, pruner=pruner, direction="maximize", load_if_exists=True
    ), storage


def _lock_of(path: Path) -> JournalFileOpenLock:
    """A lock that others find, whatever folder they work in.

    That of Optuna's choice is a link to the file. From another folder a relative link leads nowhere, and whoever finds
    it waits for ever.
    """
    return JournalFileOpenLock(str(path), GRACE_SECONDS)


def _mend(path: Path) -> None:
    """See that all lines are a journal's; cut off a last one that a kill or a full disk left without its end.

    Raises:
        ValueError: if they are not.
    """
    lock = _lock_of(path)
    lock.acquire()
    try:
        *lines, last = path.read_bytes().split(b"\n")
        for number, line in enumerate(lines, start=1):
            if not _is_record(line):
                raise damaged_study(path, f"line {number} is no record")
        if last and not (last.startswith(FIRST_KEY) or FIRST_KEY.startswith(last)):
            raise damaged_study(path, f"line {len(lines) + 1} is no record")
        if last:
            with path.open("r+b") as file:
                file.truncate(sum(len(line) + 1 for line in lines))
    finally:
        lock.release()


def _is_record(line: bytes) -> bool:
    with suppress(ValueError):
        record = json.loads(line)
        return isinstance(record, dict) and "op_code" in record and "worker_id" in record
    return False


def damaged_study(path: Path, why: str) -> ValueError:
    """The error of a file that is damaged, or holds something else."""
    return ValueError(
        f"{path} is no study of mnist-mlp sweep, or it is damaged ({why:.100}); "
        "name another file with --study, or move it away"
    )
