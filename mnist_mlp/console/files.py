"""Files that a command writes: checked before it works for minutes, and never left half written."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from secrets import token_hex

from mnist_mlp.console.figures import check_drawing
from mnist_mlp.console.plain_errors import FULL

SECONDS_LEFT_ALONE = 3600  # a part of a file may belong to a process that still writes it


def check_file(option: str, path: Path) -> None:
    """See that a file can be written.

    Args:
        option: The option that names it, for the message.
        path: The file; it may exist, and its folder must.

    Raises:
        ValueError: if it cannot.
    """
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ValueError(f"--{option} must name a file that can be written; got {path}")


def check_picture(option: str, path: Path) -> None:
    """See that a picture can be drawn into a file.

    Args:
        option: The option that names it, for the message.
        path: The file, a PNG.

    Raises:
        ValueError: if it cannot.
    """
    check_file(option, path)
    if path.suffix != ".png":
        raise ValueError(f"--{option} must name a .png file; got {path}")
    check_drawing()


def expanded(path: str | Path) -> Path:
    """A path with ~ and variables of the environment replaced, as a shell does it, wherever it comes from."""
    return Path(os.path.expanduser(os.path.expandvars(path)))


def part_of(path: Path) -> Path:
    """Where this process writes what is to be moved to a path when all is written, beside it."""
    return path.with_name(f".{path.name}.{token_hex(8)}.part")


def remove_left_parts(folder: Path, pattern: str) -> None:
    """Remove the parts, files or folders, that kills have left an hour or more ago.

    Args:
        folder: Where to look.
        pattern: Of the names that the parts were to have in the end, as of `Path.glob`.
    """
    for left in folder.glob(f".{pattern}.*.part"):
        with suppress(OSError):  # as where another process was faster
            if time.time() - left.stat().st_mtime > SECONDS_LEFT_ALONE:
                left.unlink() if left.is_file() else shutil.rmtree(left)


@contextmanager
def replaced_at_once(path: Path) -> Iterator[Path]:
    """Write a file beside its destination and move it there, so that a kill leaves the old one or the new one.

    Of several processes that do so at the same time each has a file of its own, and the last one's remains. What a kill
    has left of such a file goes when the destination is written again, an hour or more later.

    Args:
        path: The destination; its folder must exist.

    Yields:
        The path to write to.

    Raises:
        OSError: if it cannot be written; the sentence says where no space is left.
    """
    remove_left_parts(path.parent, escape(path.name))
    part = part_of(path)
    try:
        yield part
        os.replace(part, path)
    except (OSError, RuntimeError) as error:
        if not _is_full(error):
            raise
        what = f"no space is left in {path.parent} for {path.name}"
        raise OSError(f"{what}; what was there is as it was: make room, or write elsewhere") from error
    finally:
        part.unlink(missing_ok=True)


def _is_full(error: OSError | RuntimeError) -> bool:
    """Whether the disk is full; torch's writer says it in its own words, and not why."""
    if isinstance(error, OSError):
        return error.errno in FULL
    return "inline_container.cc" in str(error) or "PytorchStreamWriter failed" in str(error)
