"""The four equations of backpropagation, on plain tensors, without autograd.

A batch holds one sample in each row, so the book's columns are our rows and its w^T delta is our delta @ w.
(.) is the elementwise product, n the batch size, L the number of layers with weights.

    BP1  delta^L = nabla_a C (.) sigma'(z^L)                 (batch, n_L)      `mnist_mlp.equations.costs`
    BP2  delta^l = (delta^{l+1} @ w^{l+1}) (.) sigma'(z^l)   (batch, n_l)      `activation_gradient`, `hidden_error`
    BP3  dC/db^l = sum over the batch of delta^l             (n_l,)            `bias_gradient`
    BP4  dC/dw^l = (delta^l)^T @ a^{l-1}                     (n_l, n_{l-1})    `weight_gradient`

delta^L carries the 1/n of the cost; nothing after it divides. Source: Nielsen, ch. 2.

The two passes also take several networks at once: every tensor then has one dimension more before, theirs.

A worked example, a 2-2-1 network of rectifiers with a linear output and the quadratic cost, on one sample:

    z^1 = (1*1 + 2*2 + 0.5, -1*1 + 0.25*2 + 0) = (5.5, -0.5)     a^1 = (5.5, 0)
    z^2 = 2*5.5 + 3*0 - 1 = 10                                   C = (10 - 9)^2 / 2
    delta^2 = 10 - 9 = 1                                         dC/db^2 = 1,  dC/dw^2 = 1 * (5.5, 0)
    delta^1 = (1*2, 1*3) (.) (1, 0) = (2, 0)                     dC/db^1 = (2, 0),  dC/dw^1 = (2, 0)^T (1, 2)

>>> from torch import tensor
>>> from mnist_mlp.equations.activations import ACTIVATIONS
>>> from mnist_mlp.equations.costs import cost_named
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

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from mnist_mlp.equations.activations import Activation
from mnist_mlp.equations.matrix_product import product


class Trace(NamedTuple):
    """What the forward pass leaves for the backward pass.

    Lists are counted from 0. weights[l] and biases[l] belong to one layer, but inputs[l] is that layer's *input*, so
    that inputs[0] is x: the book's a^{l-1} stands beside its w^l.

    Attributes:
        inputs: For each layer its input, shape (batch, n_{l-1}), after dropout.
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
        x: dC/dx, shape (batch, n_0), or None where it was not asked for.
    """

    weights: list[Tensor]
    biases: list[Tensor]
    x: Tensor | None


class Buffers(NamedTuple):
    """Where the passes write: tensors that one mini-batch after another uses, so that nothing is allocated.

    (But for large matrix products, which allocate their own: see `mnist_mlp.equations.matrix_product`.)

    Attributes:
        inputs: For each layer that has a dropout mask on its input, that input, shape (batch, n_{l-1}).
        zs: For each layer z^l, shape (batch, n_l), and for a hidden one then sigma(z^l).
        nablas: For each hidden layer nabla_a C, shape (batch, n_l); all may lie in one memory.
        deltas: For each hidden layer delta^l, shape (batch, n_l); all may lie in one memory.
        weights: dC/dw^l for each layer, shape (n_l, n_{l-1}).
        biases: dC/db^l for each layer, shape (n_l,).
    """

    inputs: Sequence[Tensor | None]
    zs: Sequence[Tensor | None]
    nablas: Sequence[Tensor | None]
    deltas: Sequence[Tensor | None]
    weights: Sequence[Tensor | None]
    biases: Sequence[Tensor | None]

    @classmethod
    def none(cls, num_layers: int) -> "Buffers":
        """No buffers: everything is allocated."""
        return cls(*[[None] * num_layers] * len(cls._fields))


def feedforward(
    x: Float[Tensor, "batch n_0"],
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    sigmas: Sequence[Activation],
    masks: Sequence[Tensor | None] | None = None,
) -> tuple[Float[Tensor, "batch n_L"], Trace]:
    """z^l = a^{l-1} @ (w^l)^T + b^l and a^l = sigma(z^l), layer after layer.

    Args:
        x: The inputs, pixels in [0, 1] say.
        weights: w^l, shape (n_l, n_{l-1}), for each layer.
        biases: b^l, shape (n_l,), for each layer.
        sigmas: The activation of each hidden layer, one fewer than there are layers.
        masks: For the input of each layer a dropout mask of its shape, 0 where a neuron is dropped and
            1/(1 - p) elsewhere, or None.

    Returns:
        z^L, and what the backward pass needs.

    Raises:
        ValueError: if x is empty, not finite or not floating-point, or the shapes, dtypes or devices do not fit.

    Source: Nielsen, ch. 2, eq. (25); dropout: Srivastava et al., 2014.
    """
    check_inputs(x, weights, biases)
    num_layers = len(weights)
    transposed = [w.T for w in weights]
    return forward_pass(x, transposed, biases, sigmas, masks or [None] * num_layers, Buffers.none(num_layers))


def forward_pass(
    x: Float[Tensor, "*networks batch n_0"],
    transposed: Sequence[Tensor],
    biases: Sequence[Tensor],
    sigmas: Sequence[Activation],
    masks: Sequence[Tensor | None],
    out: Buffers,
) -> tuple[Float[Tensor, "*networks batch n_L"], Trace]:
    """`feedforward` of inputs that were checked before, into buffers; (w^l)^T stands for w^l."""
    inputs, outputs = [], []
    a = z = x
    for l, w_T in enumerate(transposed):
        mask = masks[l]
        a = a if mask is None else torch.mul(a, mask, out=out.inputs[l])
        inputs.append(a)
        z = product(a, w_T, biases[l], out=out.zs[l])
        if l < len(sigmas):
            a = sigmas[l].function(z, out=out.zs[l])
            outputs.append(a)
    return z, Trace(inputs, outputs, masks)


def backpropagate(
    delta: Float[Tensor, "batch n_L"],
    weights: Sequence[Tensor],
    sigmas: Sequence[Activation],
    trace: Trace,
    input_gradient: bool = False,
) -> Gradients:
    """BP2, BP3 and BP4, from the last layer to the first.

    Args:
        delta: delta^L = dC/dz^L (BP1), what a cost's `output_error` gives.
        weights: As in the forward pass.
        sigmas: As in the forward pass.
        trace: What `feedforward` left.
        input_gradient: Whether dC/dx is wanted too.

    Raises:
        ValueError: if delta does not have the shape of z^L.
    """
    shape = (len(trace.inputs[0]), len(weights[-1]))
    if delta.shape != shape:
        raise ValueError(f"delta must have the shape of z, {shape}; got {tuple(delta.shape)}")
    delta, nabla_w, nabla_b = backward_pass(delta, weights, sigmas, trace, Buffers.none(len(weights)))
    nabla_x = activation_gradient(delta, weights[0], trace.masks[0]) if input_gradient else None
    return Gradients(nabla_w, nabla_b, nabla_x)


def backward_pass(
    delta: Float[Tensor, "*networks batch n_L"],
    weights: Sequence[Tensor],
    sigmas: Sequence[Activation],
    trace: Trace,
    out: Buffers,
) -> tuple[Float[Tensor, "*networks batch n_1"], list[Tensor], list[Tensor]]:
    """`backpropagate` of a delta^L that fits, into buffers: delta^1, and dC/dw^l and dC/db^l for each layer."""
    nabla_w, nabla_b = [], []
    for l in range(len(weights) - 1, -1, -1):
        nabla_b.append(bias_gradient(delta, out=out.biases[l]))
        nabla_w.append(weight_gradient(delta, trace.inputs[l], out=out.weights[l]))
        if l > 0:
            nabla_a = activation_gradient(delta, weights[l], trace.masks[l], out=out.nablas[l - 1])
            delta = hidden_error(nabla_a, sigmas[l - 1], trace.outputs[l - 1], out=out.deltas[l - 1])
    return delta, nabla_w[::-1], nabla_b[::-1]


def activation_gradient(
    delta: Float[Tensor, "*networks batch n"],
    w: Float[Tensor, "*networks n n_before"],
    mask: Float[Tensor, "*networks batch n_before"] | None,
    out: Float[Tensor, "*networks batch n_before"] | None = None,
) -> Float[Tensor, "*networks batch n_before"]:
    """nabla_a C = delta^{l+1} @ w^{l+1} for a^l before dropout, that is times the mask where there is one."""
    nabla_a = product(delta, w, out=out)
    return nabla_a if mask is None else nabla_a.mul_(mask)


def hidden_error(
    nabla_a: Float[Tensor, "*networks batch n"],
    sigma: Activation,
    a: Float[Tensor, "*networks batch n"],
    out: Float[Tensor, "*networks batch n"] | None = None,
) -> Float[Tensor, "*networks batch n"]:
    """BP2: delta^l = nabla_a C (.) sigma'(z^l), where nabla_a C is the `activation_gradient` of a^l = sigma(z^l)."""
    if a.dtype in (torch.bfloat16, torch.float16):  # rounded once, as torch's own kernels do
        return sigma.times_derivative(nabla_a.float(), a.float()).to(a.dtype)
    return sigma.times_derivative(nabla_a, a, out=out)


def bias_gradient(
    delta: Float[Tensor, "*networks batch n"], out: Float[Tensor, "*networks n"] | None = None
) -> Float[Tensor, "*networks n"]:
    """BP3: dC/db^l = sum over the batch of delta^l."""
    return torch.sum(delta, dim=-2, out=out)


def weight_gradient(
    delta: Float[Tensor, "*networks batch n"],
    a: Float[Tensor, "*networks batch n_before"],
    out: Float[Tensor, "*networks n n_before"] | None = None,
) -> Float[Tensor, "*networks n n_before"]:
    """BP4: dC/dw^l = (delta^l)^T @ a^{l-1}, with a^{l-1} as the layer saw it, after dropout."""
    return product(delta.mT, a, out=out)


def check_inputs(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> None:
    """Refuse what the matrix products would refuse obscurely, or broadcasting would hide.

    Raises:
        ValueError: naming both shapes, dtypes or devices.
    """
    n_before = weights[0].shape[1]
    if x.dim() != 2 or x.shape[1] != n_before:
        raise ValueError(
            f"inputs must have the shape (batch, {n_before}); got {tuple(x.shape)}: flatten images with x.flatten(1)"
        )
    if len(x) == 0:
        raise ValueError(f"a batch must hold at least one sample; got the shape {tuple(x.shape)}")
    if not x.is_floating_point():
        raise ValueError(f"inputs must be floating-point, pixels in [0, 1] say; got {x.dtype}: divide bytes by 255")
    if not x.sum(dtype=torch.promote_types(x.dtype, torch.float32)).isfinite():
        raise ValueError(
            "inputs must be finite; got NaN or infinite ones: look for a division by zero before the network"
        )
    for l, (w, b) in enumerate(zip(weights, biases, strict=True)):
        if w.dim() != 2 or w.shape[1] != n_before or b.shape != w.shape[:1]:
            raise ValueError(
                f"weights[{l}] and biases[{l}] must have the shapes (n, {n_before}) and (n,); "
                f"got {tuple(w.shape)} and {tuple(b.shape)}"
            )
        n_before = w.shape[0]
        if {w.device, b.device} != {x.device}:
            raise ValueError(
                f"inputs and parameters must be on one device; got {x.device}, weights[{l}] on {w.device} "
                f"and biases[{l}] on {b.device}"
            )
        if {w.dtype, b.dtype} != {x.dtype} and not torch.is_autocast_enabled(x.device.type):
            raise ValueError(
                f"inputs and parameters must have one dtype; got {x.dtype}, weights[{l}] of {w.dtype} "
                f"and biases[{l}] of {b.dtype}"
            )
