"""The multilayer perceptron on MNIST: a reference implementation in PyTorch and Lightning.

The house, from the ground up; a room imports only from those above it in this list.

    torch_internals        what torch does not publish
    plain_values           settings in Python's own numbers, strings, lists and dicts
    console/               tables, figures, files: what commands share, and nothing of this project
    shipped/               configurations and lessons, found by name; mnist-mlp configs
    executors/             jobs in processes of this machine, or on the machines of a cluster
    equations/             activations, costs, penalties, initializers, feedforward and BP1 to BP4
    network/               the equations as an nn.Module and as autograd.Functions, and what belongs to a network
    schedules              schedules of the learning rate and the momentum that torch lacks
    lightning_internals/   what Lightning, jsonargparse and TensorBoard do not publish
    bare_loop/             training steps without Lightning between them, in blocks
    handwriting/           from any picture of handwriting to the digits in it, as MNIST has them
    data/                  images from every source, their order, their distortions, MNISTDataModule
    training/              MLPClassifier, its metrics and its callbacks
    dashboard/             the panels of TensorBoard, the HTML report, the server
    fit/                   mnist-mlp fit, validate, test: runs, their settings and their checkpoints
    prediction/            a trained network without its training: load, and mnist-mlp predict
    export/                mnist-mlp export: a trained network for other programs
    drawing/               mnist-mlp draw: a page to draw on, which shows the network at work
    verification/          mnist-mlp verify
    benchmark/             mnist-mlp benchmark
    reproduction/          mnist-mlp reproduce
    sweep/                 mnist-mlp sweep
    lessons/               mnist-mlp lessons
    cli                    the command mnist-mlp: one table of all commands
    completion             mnist-mlp completion: what lets a shell complete them
    __main__               python -m mnist_mlp
"""

import os
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str
    from mnist_mlp.data.module import MNISTDataModule
    from mnist_mlp.network.mlp import MLP
    from mnist_mlp.prediction.checkpoint import load
    from mnist_mlp.prediction.trained_network import TrainedNetwork
    from mnist_mlp.training.classifier import MLPClassifier

# How often torch's threads look for work before they sleep, 300,000 times by default: on a busy machine they keep the
# cores from those who have work. torch reads it when it is imported first. No result depends on it.
if not os.environ.keys() & {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}:
    os.environ["GOMP_SPINCOUNT"] = "10000"

__all__ = ["MLP", "MLPClassifier", "MNISTDataModule", "TrainedNetwork", "__version__", "load"]

_HOME = {
    "MLP": "network.mlp",
    "MLPClassifier": "training.classifier",
    "MNISTDataModule": "data.module",
    "TrainedNetwork": "prediction.trained_network",
    "load": "prediction.checkpoint",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for, so that `mnist-mlp --help` need not import torch."""
    if name == "__version__":
        return version("mnist-mlp")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    """What there is, imported or not, so that Tab completes it."""
    return sorted(__all__)
