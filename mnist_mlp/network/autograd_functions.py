"""The hand-written gradients as `torch.autograd.Function`s.

Each forward computes what autograd's would, and each backward calls the equations of layer 0. So gradients made by
hand flow through everything that autograd's do: hooks, accumulation, clipping, mixed precision and DDP, which
averages gradients only where they reach a parameter through autograd.
"""

# pyright: reportIncompatibleMethodOverride=false
# (backward names the gradients that the base class takes as *grad_outputs)

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from mnist_mlp.equations.activations import Activation
from mnist_mlp.equations.backprop import Trace, backpropagate, feedforward
from mnist_mlp.equations.costs import Cost


class ManualFeedforward(torch.autograd.Function):
    """z^L of a batch; its backward is BP2, BP3 and BP4."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        sigmas: Sequence[Activation],
        masks: Sequence[Tensor | None],
        *parameters: Tensor,
    ) -> Tensor:
        """Feed forward. The parameters are all weights, then all biases."""
        num_layers = len(parameters) // 2
        weights, biases = parameters[:num_layers], parameters[num_layers:]
        z, trace = feedforward(x, weights, biases, sigmas, masks)
        ctx.sigmas, ctx.num_layers = sigmas, num_layers
        ctx.save_for_backward(*weights, *trace.inputs, *trace.outputs, *trace.masks)
        return z

    @staticmethod
    def backward(ctx: Any, delta: Tensor) -> tuple[Tensor | None, ...]:
        """BP2, BP3 and BP4, in the precision of the forward pass; each gradient in that of its parameter."""
        _refuse_second_derivatives()
        saved, L = ctx.saved_tensors, ctx.num_layers
        parameter_dtype = saved[0].dtype
        weights, inputs, outputs, masks = saved[:L], saved[L : 2 * L], saved[2 * L : 3 * L - 1], saved[3 * L - 1 :]
        # Under autocast the products were formed in delta's lower precision, from copies in that precision.
        trace = Trace([a.to(delta.dtype) for a in inputs], outputs, masks)
        gradients = backpropagate(
            delta, [w.to(delta.dtype) for w in weights], ctx.sigmas, trace, ctx.needs_input_grad[0]
        )
        x = None if gradients.x is None else gradients.x.to(inputs[0].dtype)
        return x, None, None, *(g.to(parameter_dtype) for g in (*gradients.weights, *gradients.biases))


class ManualCost(torch.autograd.Function):
    """C(z^L, y); its backward is BP1."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, y: Tensor, cost: Cost) -> Tensor:
        """The value of the cost."""
        ctx.cost = cost
        ctx.save_for_backward(z, y)
        return cost.value(z, y)

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:
        """BP1, times what the loss was multiplied by on its way: 1/k where k batches are accumulated, say."""
        _refuse_second_derivatives()
        z, y = ctx.saved_tensors
        return scale * ctx.cost.output_error(z, y), None, None


class ManualPenalty(torch.autograd.Function):
    """A penalty of all weights; its backward is the gradient that stands beside it."""

    @staticmethod
    def forward(ctx: Any, penalty: Callable[..., Tensor], gradient: Callable[..., Tensor], *arguments: Any) -> Tensor:
        """The value of the penalty. The arguments are its strength, then the weights."""
        strength, *weights = arguments
        ctx.gradient, ctx.strength = gradient, strength
        ctx.save_for_backward(*weights)
        return penalty(weights, strength)

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient of the penalty for each weight."""
        _refuse_second_derivatives()
        return None, None, None, *(scale * ctx.gradient(w, ctx.strength) for w in ctx.saved_tensors)


def _refuse_second_derivatives() -> None:
    """Without this, a second derivative would silently come out as zero.

    Raises:
        RuntimeError: if the backward pass is itself to be differentiated (`create_graph=True`).
    """
    if torch.is_grad_enabled():
        raise RuntimeError(
            "gradients made by hand cannot be differentiated again; got create_graph=True: "
            "use gradients='autograd' for second derivatives"
        )
