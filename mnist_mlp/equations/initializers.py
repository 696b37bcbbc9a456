"""Ways to draw the first weights and biases of a layer, in place, from torch's global random generator.

A weight has shape (n_out, n_in), a bias (n_out,), as in `torch.nn.Linear`. Call under `torch.no_grad()`.
"""

import re
from collections.abc import Callable
from math import sqrt

from torch import Tensor

from mnist_mlp.equations.shapes import Biases, Weights

Initializer = Callable[[Tensor, Tensor], None]


def large(w: Weights, b: Biases) -> None:
    """w, b ~ N(0, 1): with many inputs, z is large and sigmoid neurons start saturated.

    Source: Nielsen, ch. 1, `network.py`.
    """
    w.normal_()
    b.normal_()


def scaled(w: Weights, b: Biases) -> None:
    """w ~ N(0, 1/n_in), b ~ N(0, 1): z has a variance that does not grow with the number of inputs.

    Source: Nielsen, ch. 3, "Weight initialization"; Morse's 1/m.
    """
    w.normal_(std=1 / sqrt(w.shape[1]))
    b.normal_()


def xavier(w: Weights, b: Biases) -> None:
    """w ~ U(-r, r) with r = sqrt(6/(n_in + n_out)), b = 0.

    Source: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks,
    2010, eq. (16).
    """
    n_out, n_in = w.shape
    bound = sqrt(6 / (n_in + n_out))
    w.uniform_(-bound, bound)
    b.zero_()


def he(w: Weights, b: Biases) -> None:
    """w ~ N(0, 2/n_in), b = 0: keeps the variance of rectified activations.

    Source: He, Zhang, Ren, Sun, Delving Deep into Rectifiers, 2015, eq. (10).
    """
    w.normal_(std=sqrt(2 / w.shape[1]))
    b.zero_()


def pytorch(w: Weights, b: Biases) -> None:
    """w, b ~ U(-r, r) with r = 1/sqrt(n_in), as `torch.nn.Linear` draws them.

    Source: PyTorch, `torch.nn.Linear.reset_parameters`.
    """
    bound = 1 / sqrt(w.shape[1])
    w.uniform_(-bound, bound)
    b.uniform_(-bound, bound)


def fan_out(w: Weights, b: Biases) -> None:
    """w ~ N(0, 1/n_out), b ~ N(0, 1).

    Source: Nielsen, ch. 6, `network3.py`, which divides by the outputs where `scaled` divides by the inputs.
    """
    w.normal_(std=1 / sqrt(w.shape[0]))
    b.normal_()


def zeros(w: Weights, b: Biases) -> None:
    """w = b = 0: for a last layer alone, since the neurons of a hidden one would stay alike.

    Source: the Theano deep learning tutorial, whose logistic regression starts like this.
    """
    w.zero_()
    b.zero_()


def normal(std: float) -> Initializer:
    """w ~ N(0, std^2), b = 0. Source: none; the plain choice of many recipes."""

    def initialize(w: Weights, b: Biases) -> None:
        w.normal_(std=std)
        b.zero_()

    return initialize


def uniform(bound: float) -> Initializer:
    """w ~ U(-bound, bound), b = 0. Source: none; the plain choice of many recipes."""

    def initialize(w: Weights, b: Biases) -> None:
        w.uniform_(-bound, bound)
        b.zero_()

    return initialize


INITIALIZERS = {
    "fan_out": fan_out,
    "he": he,
    "large": large,
    "pytorch": pytorch,
    "scaled": scaled,
    "xavier": xavier,
    "zeros": zeros,
}
PARAMETRIC_INITIALIZERS = {"normal": normal, "uniform": uniform}


def initializer_named(name: str) -> Initializer:
    """The initializer of that name; `normal` and `uniform` carry their number: "normal(0.05)".

    Raises:
        ValueError: if the name is unknown or its number is missing, negative or not a number.
    """
    if name in INITIALIZERS:
        return INITIALIZERS[name]
    match = re.fullmatch(r"(normal|uniform)\((\d*\.?\d+(?:e[+-]?\d+)?)\)", name)
    if match is None:
        allowed = ", ".join(sorted([*INITIALIZERS, "normal(std)", "uniform(bound)"]))
        raise ValueError(f"initializer must be one of {allowed}, with a number for std or bound; got {name!r}")
    return PARAMETRIC_INITIALIZERS[match[1]](float(match[2]))
