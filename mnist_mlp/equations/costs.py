"""Cost functions C(z^L, y), each beside its output error delta^L = dC/dz^L (BP1).

A cost takes the last *weighted input* z^L and applies the output activation itself, so that the pairs
(softmax, cross-entropy) and (sigmoid, binary cross-entropy) are computed without under- or overflow.
z and y have shape (batch, n_L) and one floating dtype; a cost returns a scalar, its error a tensor like z. An error
also takes several networks at once: with one more dimension in front, the networks.
The scale of C differs from cost to cost, and a learning rate does not carry over from one to another:
with ten outputs, the gradient of `mse` is a fifth of that of `quadratic`.

An error takes tensors like z to write a^L, nabla_a C and delta^L into; without, it allocates what it needs.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from mnist_mlp.equations.activations import ACTIVATIONS, Activation, sigmoid, softmax
from mnist_mlp.equations.shapes import Outputs, Scalar


class OutputMemory(NamedTuple):
    """Where an output error writes.

    Attributes:
        a: a^L, shape (batch, n_L).
        nabla_a: The gradient of C for a^L, shape (batch, n_L).
        delta: delta^L, shape (batch, n_L).
    """

    a: Tensor | None
    nabla_a: Tensor | None
    delta: Tensor | None


ALLOCATED_ANEW = OutputMemory(None, None, None)


class Cost(NamedTuple):
    """A cost function, its output error, the output activation that goes with them, and what is to be known of them.

    Attributes:
        value: (z, y) -> C, a scalar.
        output_error: (z, y, out) -> delta^L, shape (batch, n_L); it carries the 1/batch.
        output_activation: z -> a^L, shape (batch, n_L).
        says_probabilities: Whether a^L can be read as probabilities.
        kinked: Whether the derivative of the output activation jumps at z = 0.
        same_bits: Whether autograd's gradient of `value` is `output_error` to the last bit.
        label_error: `output_error`, to the last bit, in fewer operations, where the rows of y are one-hot; None where
            there are no fewer.
    """

    value: Callable[[Tensor, Tensor], Tensor]
    output_error: Callable[..., Tensor]
    output_activation: Callable[[Tensor], Tensor]
    says_probabilities: bool = True
    kinked: bool = False
    same_bits: bool = True
    label_error: Callable[..., Tensor] | None = None


def quadratic(z: Outputs, y: Outputs, output: Activation) -> Scalar:
    """C = 1/(2n) sum ||a - y||^2, the mean per sample of half the squared distance.

    Source: Nielsen, ch. 1, eq. (6).
    """
    a = output.function(z)
    return (a - y).square().sum() / (2 * len(z))


def quadratic_error(z: Outputs, y: Outputs, out: OutputMemory = ALLOCATED_ANEW, *, output: Activation) -> Outputs:
    """delta^L = 1/n (a - y) (.) sigma'(z).

    Source: Nielsen, ch. 2, eq. (30).
    """
    a = output.function(z, out=out.a)
    nabla_a = torch.sub(a, y, out=out.nabla_a).mul_(1 / z.size(-2))
    return output.times_derivative(nabla_a, a, out=out.delta)


def mse(z: Outputs, y: Outputs, output: Activation) -> Scalar:
    """C = 1/(n n_L) sum ||a - y||^2, the mean over all elements, exactly `torch.nn.MSELoss`.

    Source: PyTorch, `torch.nn.MSELoss`.
    """
    return F.mse_loss(output.function(z), y)


def mse_error(z: Outputs, y: Outputs, out: OutputMemory = ALLOCATED_ANEW, *, output: Activation) -> Outputs:
    """delta^L = 2/(n n_L) (a - y) (.) sigma'(z).

    Source: BP1 for `mse`; Nielsen, ch. 2, eq. (30).
    """
    a = output.function(z, out=out.a)
    nabla_a = torch.sub(a, y, out=out.nabla_a).mul_(2 / (z.size(-2) * z.size(-1)))
    return output.times_derivative(nabla_a, a, out=out.delta)


def cross_entropy(z: Outputs, y: Outputs) -> Scalar:
    """C = -1/n sum y ln softmax(z), the mean per sample, exactly `torch.nn.CrossEntropyLoss`.

    Each row of y is, as a rule, a probability distribution: it sums to 1. Any other values are taken as they are.

    Source: PyTorch, `torch.nn.CrossEntropyLoss`; Nielsen, ch. 3, the log-likelihood cost.
    """
    return F.cross_entropy(z, y)


def cross_entropy_error(z: Outputs, y: Outputs, out: OutputMemory = ALLOCATED_ANEW) -> Outputs:
    """delta^L = 1/n (s softmax(z) - y), where s is the sum of each row of y.

    Each term -y_j ln a_j of a row gives y_j (a - e_j), where e_j is the one-hot row of j; together s a - y. A
    distribution has s = 1, and what is left is a - y.

    Source: Nielsen, ch. 3, eq. (84), for s = 1.
    """
    a = softmax(z, out=out.a)
    return torch.sub(a.mul_(y.sum(dim=-1, keepdim=True)), y, out=out.delta).mul_(1 / z.size(-2))


def cross_entropy_label_error(z: Outputs, y: Outputs, out: OutputMemory = ALLOCATED_ANEW) -> Outputs:
    """delta^L = 1/n (softmax(z) - y), for rows of y that are known to sum to 1, as the one-hot rows of labels do.

    Source: Nielsen, ch. 3, eq. (84).
    """
    a = softmax(z, out=out.a)
    return torch.sub(a, y, out=out.delta).mul_(1 / z.size(-2))


def binary_cross_entropy(z: Outputs, y: Outputs) -> Scalar:
    """C = -1/n sum [y ln a + (1 - y) ln(1 - a)] with a = sigmoid(z): the mean per sample, the sum over outputs.

    Computed from z, as max(z, 0) - y z + ln(1 + exp(-|z|)), which never overflows.
    `torch.nn.BCEWithLogitsLoss` divides by the number of outputs as well.

    Source: Nielsen, ch. 3, eq. (63).
    """
    return F.binary_cross_entropy_with_logits(z, y, reduction="sum") / len(z)


def binary_cross_entropy_error(z: Outputs, y: Outputs, out: OutputMemory = ALLOCATED_ANEW) -> Outputs:
    """delta^L = 1/n (sigmoid(z) - y): the factor sigma'(z) that slows learning down has cancelled.

    Source: Nielsen, ch. 3, eq. (66).
    """
    a = sigmoid(z, out=out.a)
    return torch.sub(a, y, out=out.delta).mul_(1 / z.size(-2))


SQUARED = {"quadratic": (quadratic, quadratic_error), "mse": (mse, mse_error)}
PAIRED = {
    # autograd goes through exp(log_softmax(z)), and the equation through softmax(z)
    "cross_entropy": Cost(
        cross_entropy, cross_entropy_error, softmax, same_bits=False, label_error=cross_entropy_label_error
    ),
    "binary_cross_entropy": Cost(binary_cross_entropy, binary_cross_entropy_error, sigmoid),
}


def cost_named(name: str, output_activation: str | None = None) -> Cost:
    """The cost of that name, with its output activation bound.

    Args:
        name: A name in `SQUARED` or `PAIRED`.
        output_activation: for the two squared costs any name in `ACTIVATIONS`, by default sigmoid;
            regression wants identity. The two cross-entropies are defined by their own.

    Raises:
        ValueError: if a name is unknown, or if the cost does not take this output activation.
    """
    if name in PAIRED:
        own = PAIRED[name].output_activation.__name__
        if output_activation not in (None, own):
            raise ValueError(
                f"output_activation must be {own} with the cost {name}, which is defined by it; "
                f"got {output_activation!r}: leave it out, or use the cost {' or '.join(sorted(SQUARED, reverse=True))}"
            )
        return PAIRED[name]
    if name not in SQUARED:
        raise ValueError(f"cost must be one of {', '.join(sorted(SQUARED | PAIRED))}; got {name!r}")
    if output_activation is None:
        output_activation = "sigmoid"
    if output_activation not in ACTIVATIONS:
        raise ValueError(
            f"output_activation must be one of {', '.join(ACTIVATIONS)} with the cost {name}; got {output_activation!r}"
        )
    output = ACTIVATIONS[output_activation]
    value, output_error = SQUARED[name]
    return Cost(
        partial(value, output=output),
        partial(output_error, output=output),
        output.function,
        says_probabilities=output.is_probability,
        kinked=output.kinked,
        same_bits=output.same_bits,
    )
