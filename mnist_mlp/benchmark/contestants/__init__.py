"""The contestants of `mnist-mlp benchmark`: the same work, done by this project's `fit` and by what others would write.

Each trains a network on the first 50,000 images of MNIST, all in memory, and measures its accuracy on the last 10,000
after each epoch.

One more contestant: a file here with a `Contestant`, which says itself what it needs, and a line in the table below.
"""

from importlib.util import find_spec

from mnist_mlp.benchmark.contestant import Contestant
from mnist_mlp.benchmark.contestants.idiomatic_lightning import IdiomaticLightning
from mnist_mlp.benchmark.contestants.jax_scan import JaxScan
from mnist_mlp.benchmark.contestants.keras_on_jax import KerasOnJax
from mnist_mlp.benchmark.contestants.loops import AutogradLoop, HandWrittenLoop
from mnist_mlp.benchmark.contestants.matrix_products import MatrixProducts
from mnist_mlp.benchmark.contestants.ours import Fit, FitByAutograd
from mnist_mlp.benchmark.contestants.scikit_learn import ScikitLearn

BARE_LOOP, PRODUCTS_ALONE = "bare autograd loop", "matrix products alone"  # which the others are compared with

CONTESTANTS: dict[str, type[Contestant]] = {
    "our fit, manual": Fit,
    "our fit, autograd": FitByAutograd,
    BARE_LOOP: AutogradLoop,
    "bare hand-written loop": HandWrittenLoop,
    "idiomatic Lightning": IdiomaticLightning,
    "scikit-learn": ScikitLearn,
    "JAX scan": JaxScan,
    "Keras on JAX": KerasOnJax,
    PRODUCTS_ALONE: MatrixProducts,
}


def available(device: str) -> list[str]:
    """The names of the contestants that are installed here and run on this device."""
    return [
        name
        for name, contestant in CONTESTANTS.items()
        if all(find_spec(package) for package in contestant.packages) and not (device == "cuda" and contestant.cpu_only)
    ]
