"""matplotlib, which is imported when something is drawn: it is optional, and takes long to import."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any


def new_figure(width: float, height: float) -> Any:
    """An empty `matplotlib.figure.Figure`, its size in inches."""
    return import_module("matplotlib.figure").Figure(figsize=(width, height), layout="constrained")


def check_drawing() -> None:
    """See that there is matplotlib.

    Raises:
        ValueError: if there is not.
    """
    if not find_spec("matplotlib"):
        raise ValueError("drawing needs matplotlib, which is not installed: pip install 'mnist-mlp[plots]'")
