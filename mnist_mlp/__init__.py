"""The multilayer perceptron on MNIST: a reference implementation in PyTorch and Lightning."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mnist_mlp.data.module import MNISTDataModule
    from mnist_mlp.network.mlp import MLP
    from mnist_mlp.training.classifier import MLPClassifier

__all__ = ["MLP", "MLPClassifier", "MNISTDataModule"]

_HOME = {"MLP": "network.mlp", "MLPClassifier": "training.classifier", "MNISTDataModule": "data.module"}


def __getattr__(name: str) -> object:
    """Import a public class when it is first asked for, so that `mnist-mlp --help` need not import torch."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
