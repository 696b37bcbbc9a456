"""Files that a command writes: checked before it works for minutes, and never left half written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mnist_mlp.console.figures import check_drawing


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


@contextmanager
def replaced_at_once(path: Path) -> Iterator[Path]:
    """Write a file beside its destination and move it there, so that a kill leaves the old one or the new one.

    Args:
        path: The destination; its folder must exist.

    Yields:
        The path to write to.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
