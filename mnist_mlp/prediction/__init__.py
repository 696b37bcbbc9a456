"""A trained network without its training: `load`, what it says of any picture, and `mnist-mlp predict`.

May import: console, equations, network, lightning_internals, handwriting, data, dashboard, fit.
One more thing to know of a picture: an attribute of `mnist_mlp.prediction.trained_network.Prediction`.
"""

from mnist_mlp.prediction.checkpoint import load
from mnist_mlp.prediction.trained_network import UNSURE, Prediction, TrainedNetwork

__all__ = ["UNSURE", "Prediction", "TrainedNetwork", "load"]
