"""Faults to plant in the hand-written gradients, each of which `mnist-mlp verify` must find.

A check that finds none of these proves nothing. Each is a context manager that breaks one equation or derivative.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from mnist_mlp.equations import backprop, costs
from mnist_mlp.equations.activations import ACTIVATIONS, Activation
from mnist_mlp.network import mlp


def _wrong_derivative(name: str, wrong: Callable[[Tensor, Tensor], Tensor]) -> AbstractContextManager[object]:
    return patch.dict(ACTIVATIONS, {name: ACTIVATIONS[name]._replace(times_derivative=wrong)})


def _wrong_output_error() -> AbstractContextManager[object]:
    """BP1 without its 1/n."""

    def wrong(output_error: Callable[..., Tensor], z: Tensor, y: Tensor, **output: Any) -> Tensor:
        return len(z) * output_error(z, y, **output)

    stack = ExitStack()
    squared = {name: (value, partial(wrong, error)) for name, (value, error) in costs.SQUARED.items()}
    paired = {
        name: cost._replace(output_error=partial(wrong, cost.output_error)) for name, cost in costs.PAIRED.items()
    }
    stack.enter_context(patch.dict(costs.SQUARED, squared))
    stack.enter_context(patch.dict(costs.PAIRED, paired))
    return stack


def _without_derivative(nabla_a: Tensor, sigma: Activation, a: Tensor, out: Tensor | None = None) -> Tensor:
    return nabla_a


def _without_mask(delta: Tensor, w: Tensor, mask: Tensor | None, out: Tensor | None = None) -> Tensor:
    return torch.mm(delta, w, out=out)


FAULTS: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "BP1": _wrong_output_error,
    "BP2": lambda: patch.object(backprop, "hidden_error", _without_derivative),
    "BP3": lambda: patch.object(backprop, "bias_gradient", lambda delta, out: delta.mean(dim=0)),
    "BP4": lambda: patch.object(backprop, "weight_gradient", lambda delta, a, out: -(delta.T @ a)),
    "identity": lambda: _wrong_derivative("identity", lambda v, a, out=None: v * a),
    "relu": lambda: _wrong_derivative("relu", lambda v, a, out=None: v * (a >= 0)),
    "scaled_tanh": lambda: _wrong_derivative("scaled_tanh", lambda v, a, out=None: v * (1 - a * a)),
    "sigmoid": lambda: _wrong_derivative("sigmoid", lambda v, a, out=None: v * (1 + a) * a),
    "tanh": lambda: _wrong_derivative("tanh", lambda v, a, out=None: v * (1 - a)),
    "dropout": lambda: patch.object(backprop, "activation_gradient", _without_mask),
    "L1": lambda: patch.object(mlp, "l1_gradient", lambda w, strength: strength * w),
    "L2": lambda: patch.object(mlp, "l2_gradient", lambda w, strength: 2 * strength * w),
}
