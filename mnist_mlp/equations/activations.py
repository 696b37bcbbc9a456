"""Activation functions sigma(z), each beside its derivative.

A derivative is written as a function of the activation a = sigma(z), which the forward pass has already
computed: backpropagation then needs neither z nor a second exponential. Every function but `softmax` works element by
element, on a tensor of any shape and floating dtype, and is finite wherever z is. Where `out` is given, the result is
written into it; `identity` alone returns z itself.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from mnist_mlp.equations.shapes import Outputs, Values

SCALED_TANH_AMPLITUDE = 1.7159
SCALED_TANH_SLOPE = 2 / 3

ONE = torch.ones(())  # a tensor, since torch.sub writes 1 - a into `out` for two tensors only


class Activation(NamedTuple):
    """An activation function, its derivative, and what else is to be known of it.

    Each function also takes `out`. For `function` it may be z itself; for the two others it must be none of their
    arguments.

    Attributes:
        function: z -> a = sigma(z).
        derivative: a -> sigma'(z), expressed by a.
        times_derivative: (nabla_a, a) -> nabla_a (.) sigma'(z), the product in BP1 and BP2.
        idle: What a neuron is called that does not learn: "dead" where sigma' is 0 for every image, "saturated" where
            sigma' is much smaller than at z = 0. None where sigma' is the same everywhere.
        kinked: Whether sigma' jumps at z = 0, so that central differences across 0 are no derivative.
        is_probability: Whether a lies in (0, 1), so that an output can be read as a probability.
        same_bits: Whether autograd's product is `times_derivative` to the last bit.
    """

    function: Callable[..., Tensor]
    derivative: Callable[..., Tensor]
    times_derivative: Callable[..., Tensor]
    idle: Literal["dead", "saturated"] | None = None
    kinked: bool = False
    is_probability: bool = False
    same_bits: bool = False


def times(derivative: Callable[..., Tensor], nabla_a: Values, a: Values, out: Values | None = None) -> Values:
    """nabla_a (.) sigma'(z)."""
    return torch.mul(nabla_a, derivative(a, out=out), out=out)


def identity(z: Values, out: Values | None = None) -> Values:
    """A linear neuron: a = z, the same tensor.

    Source: Nielsen, ch. 3, "Using the quadratic cost when we have linear neurons in the output layer".
    """
    return z


def identity_derivative(a: Values, out: Values | None = None) -> Values:
    """sigma'(z) = 1."""
    return torch.ones_like(a) if out is None else out.fill_(1)


def sigmoid(z: Values, out: Values | None = None) -> Values:
    """The logistic function: a = 1 / (1 + exp(-z)), in (0, 1).

    Source: Nielsen, Neural Networks and Deep Learning, ch. 1, eq. (3).
    """
    return torch.sigmoid(z, out=out)


def sigmoid_derivative(a: Values, out: Values | None = None) -> Values:
    """sigma'(z) = a (1 - a), at most 1/4.

    Source: Nielsen, ch. 3, an exercise under eq. (61).
    """
    return torch.sub(ONE, a, out=out).mul_(a)


def times_sigmoid_derivative(nabla_a: Values, a: Values, out: Values | None = None) -> Values:
    """nabla_a (1 - a) a, multiplied from the left as autograd does it, so that the last bit is the same."""
    return torch.sub(ONE, a, out=out).mul_(nabla_a).mul_(a)


def relu(z: Values, out: Values | None = None) -> Values:
    """The rectifier: a = max(0, z).

    Source: Nair and Hinton, Rectified Linear Units Improve Restricted Boltzmann Machines, 2010.
    """
    # relu takes no out; clamp_min does, but autograd gives it the derivative 1 at z = 0
    return torch.relu(z) if out is None else torch.clamp_min(z, 0, out=out)


def relu_derivative(a: Values, out: Values | None = None) -> Values:
    """sigma'(z) = 1 where z > 0, which is where a > 0, and 0 elsewhere: the sign of a. 0 at the kink, as in PyTorch."""
    return torch.sign(a, out=out)


def tanh(z: Values, out: Values | None = None) -> Values:
    """The hyperbolic tangent: a = tanh(z), in (-1, 1).

    Source: Nielsen, ch. 3, "Other models of artificial neuron".
    """
    return torch.tanh(z, out=out)


def tanh_derivative(a: Values, out: Values | None = None) -> Values:
    """sigma'(z) = 1 - a^2, in one fused operation as autograd forms it, so that the last bit is the same."""
    return torch.addcmul(a.new_ones(()), a, a, value=-1, out=out)


def scaled_tanh(z: Values, out: Values | None = None) -> Values:
    """LeCun's hyperbolic tangent: a = 1.7159 tanh(2/3 z), so that sigma(1) = 1 and sigma(-1) = -1.

    Source: LeCun, Bottou, Orr, Mueller, Efficient BackProp, 1998, section 4.4.
    """
    return torch.mul(torch.tanh(torch.mul(z, SCALED_TANH_SLOPE, out=out), out=out), SCALED_TANH_AMPLITUDE, out=out)


def scaled_tanh_derivative(a: Values, out: Values | None = None) -> Values:
    """sigma'(z) = 1.7159 * 2/3 * (1 - (a / 1.7159)^2)."""
    tanh_squared = torch.div(a, SCALED_TANH_AMPLITUDE, out=out).square_()
    return torch.sub(ONE, tanh_squared, out=out).mul_(SCALED_TANH_AMPLITUDE * SCALED_TANH_SLOPE)


def softmax(z: Outputs, out: Outputs | None = None) -> Outputs:
    """a_j = exp(z_j) / sum_k exp(z_k): probabilities that sum to 1 in each row.

    Not in the table below, because each output depends on the whole layer: it is the output activation
    that belongs to the cost `cross_entropy`, and never a hidden one.

    Source: Nielsen, ch. 3, eq. (78).
    """
    return torch.softmax(z, dim=-1, out=out)


ACTIVATIONS = {
    "identity": Activation(identity, identity_derivative, partial(times, identity_derivative), same_bits=True),
    "relu": Activation(
        relu, relu_derivative, partial(times, relu_derivative), idle="dead", kinked=True, same_bits=True
    ),
    # autograd keeps tanh(2/3 z), and the equations keep a
    "scaled_tanh": Activation(
        scaled_tanh, scaled_tanh_derivative, partial(times, scaled_tanh_derivative), idle="saturated"
    ),
    "sigmoid": Activation(
        sigmoid,
        sigmoid_derivative,
        times_sigmoid_derivative,
        idle="saturated",
        is_probability=True,
        same_bits=True,
    ),
    "tanh": Activation(tanh, tanh_derivative, partial(times, tanh_derivative), idle="saturated", same_bits=True),
}
