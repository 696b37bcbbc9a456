"""What a command needs to write its files, checked before it works for minutes."""

import os
from importlib.util import find_spec
from pathlib import Path


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


def check_drawing() -> None:
    """See that there is matplotlib.

    Raises:
        ValueError: if there is not.
    """
    if not find_spec("matplotlib"):
        raise ValueError("drawing needs matplotlib, which is not installed: pip install 'mnist-mlp[plots]'")
