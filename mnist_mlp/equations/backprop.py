"""The four equations of backpropagation, on plain tensors, without autograd.

A batch holds one sample in each row, so the book's columns are our rows and its w^T delta is our delta @ w.
(.) is the elementwise product, n the batch size, L the number of layers with weights.

    BP1  delta^L = nabla_a C (.) sigma'(z^L)                 (batch, n_L)      `mnist_mlp.equations.costs`
    BP2  delta^l = (delta^{l+1} @ w^{l+1}) (.) sigma'(z^l)   (batch, n_l)      `hidden_error`
    BP3  dC/db^l = sum over the batch of delta^l             (n_l,)            `bias_gradient`
    BP4  dC/dw^l = (delta^l)^T @ a^{l-1}                     (n_l, n_{l-1})    `weight_gradient`

delta^L carries the 1/n of the cost; nothing after it divides. Source: Nielsen, ch. 2.

Lists are counted from 0. weights[l], biases[l] and zs[l] belong to one layer, but inputs[l] is that layer's *input*, so
that inputs[0] is x: the book's a^{l-1} stands beside its w^l. Nothing is checked here: see
`mnist_mlp.network.input_checks`. Several networks at once have one more dimension in front in every tensor: the
networks.

A worked example, a 2-2-1 network of rectifiers with a linear output and the quadratic cost, on one sample:

    z^1 = (1*1 + 2*2 + 0.5, -1*1 + 0.25*2 + 0) = (5.5, -0.5)     a^1 = (5.5, 0)
    z^2 = 2*5.5 + 3*0 - 1 = 10                                   C = (10 - 9)^2 / 2
    delta^2 = 10 - 9 = 1                                         dC/db^2 = 1,  dC/dw^2 = 1 * (5.5, 0)
    delta^1 = (1*2, 1*3) (.) (1, 0) = (2, 0)                     dC/db^1 = (2, 0),  dC/dw^1 = (2, 0)^T (1, 2)

>>> from torch import tensor
>>> from mnist_mlp.equations import ACTIVATIONS, cost_named
>>> weights = [tensor([[1.0, 2.0], [-1.0, 0.25]]), tensor([[2.0, 3.0]])]
>>> biases = [tensor([0.5, 0.0]), tensor([-1.0])]
>>> sigmas = [ACTIVATIONS["relu"]]
>>> z, trace = feedforward(tensor([[1.0, 2.0]]), weights, biases, sigmas)
>>> z
tensor([[10.]])
>>> delta = cost_named("quadratic", "identity").output_error(z, tensor([[9.0]]))
>>> gradients = backpropagate(delta, weights, sigmas, trace)
>>> gradients.weights
[tensor([[2., 4.],
        [0., 0.]]), tensor([[5.5000, 0.0000]])]
>>> gradients.biases
[tensor([2., 0.]), tensor([1.])]
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mnist_mlp.equations.activations import Activation
from mnist_mlp.equations.matrix_product import product
from mnist_mlp.equations.shapes import Biases, Errors, Inputs, Outputs, Weights


class Trace(NamedTuple):
    """What the forward pass leaves for the backward pass.

    Attributes:
        inputs: For each layer its input a^{l-1}, shape (batch, n_{l-1}), after dropout.
        outputs: For each hidden layer sigma(z^l), shape (batch, n_l), before dropout; without dropout it is
            the same tensor as the next layer's input.
        masks: For each layer the mask that its input was multiplied by, or None.
    """

    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]
    masks: Sequence[Tensor | None]


class Gradients(NamedTuple):
    """The gradients of the cost.

    Attributes:
        weights: dC/dw^l for each layer, shape (n_l, n_{l-1}).
        biases: dC/db^l for each layer, shape (n_l,).
        delta: delta^1, shape (batch, n_1), of which `activation_gradient` makes dC/dx.
    """

    weights: list[Tensor]
    biases: list[Tensor]
    delta: Tensor


class Memory(NamedTuple):
    """Where the passes write: tensors that one mini-batch after another uses, so that nothing is allocated.

    Each list has an entry for each layer; where it is None, the result is allocated. (Large matrix products allocate
    their own: see `mnist_mlp.equations.matrix_product`.)

    Attributes:
        transposed: (w^l)^T, a view.
        inputs: Where the layer has a dropout mask on its input, that input, shape (batch, n_{l-1}).
        zs: z^l, shape (batch, n_l), and for a hidden layer then sigma(z^l).
        nablas: For a hidden layer nabla_a C, shape (batch, n_l); all may lie in one memory.
        deltas: For a hidden layer delta^l, shape (batch, n_l); all may lie in one memory.
        weights: dC/dw^l, shape (n_l, n_{l-1}).
        biases: dC/db^l, shape (n_l,).
    """

    transposed: Sequence[Tensor]
    inputs: Sequence[Tensor | None]
    zs: Sequence[Tensor | None]
    nablas: Sequence[Tensor | None]
    deltas: Sequence[Tensor | None]
    weights: Sequence[Tensor | None]
    biases: Sequence[Tensor | None]

    @classmethod
    def allocated_anew(cls, weights: Sequence[Tensor]) -> "Memory":
        """No memory that is used again."""
        nothing = [None] * len(weights)
        return cls([w.mT for w in weights], *[nothing] * 6)


def feedforward(
    x: Inputs,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    sigmas: Sequence[Activation],
    masks: Sequence[Tensor | None] | None = None,
    memory: Memory | None = None,
) -> tuple[Outputs, Trace]:
    """z^l = a^{l-1} @ (w^l)^T + b^l and a^l = sigma(z^l), layer after layer.

    Args:
        x: The inputs a^0, pixels in [0, 1] say.
        weights: w^l, shape (n_l, n_{l-1}), for each layer.
        biases: b^l, shape (n_l,), for each layer.
        sigmas: The activation of each hidden layer, one fewer than there are layers.
        masks: For the input of each layer a dropout mask of its shape, 0 where a neuron is dropped and
            1/(1 - p) elsewhere, or None.
        memory: Where to write; by default everything is allocated.

    Returns:
        z^L, and what the backward pass needs.

    Source: Nielsen, ch. 2, eq. (25); dropout: Srivastava et al., 2014.
    """
    memory = memory or Memory.allocated_anew(weights)
    masks = masks or [None] * len(weights)
    inputs, outputs = [], []
    a = z = x
    for l, (w_T, b, mask) in enumerate(zip(memory.transposed, biases, masks, strict=True)):
        a = a if mask is None else torch.mul(a, mask, out=memory.inputs[l])
        inputs.append(a)
        z = product(a, w_T, b, out=memory.zs[l])
        if l < len(sigmas):
            a = sigmas[l].function(z, out=memory.zs[l])
            outputs.append(a)
    return z, Trace(inputs, outputs, masks)


def backpropagate(
    delta_L: Outputs,
    weights: Sequence[Tensor],
    sigmas: Sequence[Activation],
    trace: Trace,
    memory: Memory | None = None,
) -> Gradients:
    """BP3 and BP4 for each layer, of the errors that BP2 gives from the last layer to the first.

    Args:
        delta_L: delta^L = dC/dz^L (BP1), what a cost's `output_error` gives.
        weights: As in the forward pass.
        sigmas: As in the forward pass.
        trace: What `feedforward` left.
        memory: Where to write; by default everything is allocated.
    """
    memory = memory or Memory.allocated_anew(weights)
    nabla_w, nabla_b, delta = [], [], delta_L
    for l, delta in errors(delta_L, weights, sigmas, trace, memory):
        nabla_b.append(bias_gradient(delta, out=memory.biases[l]))
        nabla_w.append(weight_gradient(delta, trace.inputs[l], out=memory.weights[l]))
    return Gradients(nabla_w[::-1], nabla_b[::-1], delta)


def errors(
    delta_L: Outputs,
    weights: Sequence[Tensor],
    sigmas: Sequence[Activation],
    trace: Trace,
    memory: Memory | None = None,
) -> Iterator[tuple[int, Errors]]:
    """The errors of all layers by BP2, from the last to the first: (L - 1, delta^L), ..., (0, delta^1).

    Args:
        delta_L: As in `backpropagate`.
        weights: As in the forward pass.
        sigmas: As in the forward pass.
        trace: What `feedforward` left.
        memory: Where to write: each error is then good only until the next one is asked for.
    """
    memory, delta = memory or Memory.allocated_anew(weights), delta_L
    for l in range(len(weights) - 1, 0, -1):
        yield l, delta
        sigma, a, mask = sigmas[l - 1], trace.outputs[l - 1], trace.masks[l]
        delta = hidden_error(delta, weights[l], sigma, a, mask, memory.nablas[l - 1], out=memory.deltas[l - 1])
    yield 0, delta


def hidden_error(
    delta: Errors,
    w: Weights,
    sigma: Activation,
    a: Inputs,
    mask: Inputs | None = None,
    nabla_a_out: Inputs | None = None,
    out: Inputs | None = None,
) -> Inputs:
    """BP2: delta^l = (delta^{l+1} @ w^{l+1}) (.) sigma'(z^l), times the mask before sigma' where there is one."""
    return sigma.times_derivative(activation_gradient(delta, w, mask, out=nabla_a_out), a, out=out)


def activation_gradient(delta: Errors, w: Weights, mask: Inputs | None = None, out: Inputs | None = None) -> Inputs:
    """nabla_a C = delta^{l+1} @ w^{l+1}, times the mask where there is one; for the first layer this is dC/dx."""
    nabla_a = product(delta, w, out=out)
    return nabla_a if mask is None else nabla_a.mul_(mask)


def bias_gradient(delta: Errors, out: Biases | None = None) -> Biases:
    """BP3: dC/db^l = sum over the batch of delta^l."""
    return torch.sum(delta, dim=-2, out=out)


def weight_gradient(delta: Errors, a: Inputs, out: Weights | None = None) -> Weights:
    """BP4: dC/dw^l = (delta^l)^T @ a^{l-1}, with a^{l-1} as the layer saw it, after dropout."""
    return product(delta.mT, a, out=out)
