"""The hand-written gradients as `torch.autograd.Function`s.

Each forward computes what autograd's would, and each backward calls the equations. So gradients made by
hand flow through everything that autograd's do: hooks, accumulation, clipping, mixed precision and DDP, which
averages gradients only where they reach a parameter through autograd.
"""

# pyright: reportIncompatibleMethodOverride=false
# (backward names the gradients that the base class takes as *grad_outputs)

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mnist_mlp.equations.activations import Activation
from mnist_mlp.equations.backprop import Trace, activation_gradient, backpropagate, feedforward
from mnist_mlp.equations.costs import Cost
from mnist_mlp.equations.penalties import Penalty

HALF = (torch.bfloat16, torch.float16)


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
        weights = [w.to(delta.dtype) for w in weights]
        sigmas = [rounded_once(sigma) for sigma in ctx.sigmas] if delta.dtype in HALF else ctx.sigmas
        gradients = backpropagate(delta, weights, sigmas, trace)
        x = None
        if ctx.needs_input_grad[0]:
            x = activation_gradient(gradients.delta, weights[0], masks[0]).to(inputs[0].dtype)
        return x, None, None, *(g.to(parameter_dtype) for g in (*gradients.weights, *gradients.biases))


def rounded_once(sigma: Activation) -> Activation:
    """An activation for half precision, whose product with sigma'(z) is rounded once, as torch's own kernels do it."""

    def times_derivative(nabla_a: Tensor, a: Tensor, out: None) -> Tensor:
        return sigma.times_derivative(nabla_a.float(), a.float()).to(a.dtype)

    return sigma._replace(times_derivative=times_derivative)


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
        if ctx.needs_input_grad[1]:
            raise RuntimeError(
                "no gradient for the targets is made by hand; got targets that require one: detach them, or use "
                "gradients='autograd'"
            )
        z, y = ctx.saved_tensors
        return scale * ctx.cost.output_error(z, y), None, None


class ManualPenalty(torch.autograd.Function):
    """A penalty of all weights; its backward is the gradient that stands beside it."""

    @staticmethod
    def forward(ctx: Any, penalty: Penalty, strength: float, *weights: Tensor) -> Tensor:
        """The value of the penalty."""
        ctx.penalty, ctx.strength = penalty, strength
        ctx.save_for_backward(*weights)
        return penalty.value(weights, strength)

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient of the penalty for each weight."""
        _refuse_second_derivatives()
        return None, None, *(scale * ctx.penalty.gradient(w, ctx.strength) for w in ctx.saved_tensors)


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
