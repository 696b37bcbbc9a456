"""The multilayer perceptron on MNIST: a reference implementation in PyTorch and Lightning."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mnist_mlp.classifier import MLPClassifier
    from mnist_mlp.data import MNISTDataModule
    from mnist_mlp.mlp import MLP

__all__ = ["MLP", "MLPClassifier", "MNISTDataModule"]

_HOME = {"MLP": "mlp", "MLPClassifier": "classifier", "MNISTDataModule": "data"}


def __getattr__(name: str) -> object:
    """Import a public class when it is first asked for, so that `mnist-mlp --help` need not import torch."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
