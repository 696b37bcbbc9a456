"""Faults to plant in the hand-written gradients, each of which `mnist-mlp verify` must find.

A check that finds none of these proves nothing. Each is a context manager that breaks one equation or derivative.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import Any
from unittest.mock import patch

from torch import Tensor

from mnist_mlp.equations import backprop, costs
from mnist_mlp.equations.activations import ACTIVATIONS, Activation
from mnist_mlp.equations.penalties import PENALTIES


def _wrong_derivative(name: str, wrong: Callable[..., Tensor]) -> AbstractContextManager[object]:
    return patch.dict(ACTIVATIONS, {name: ACTIVATIONS[name]._replace(times_derivative=_into_out(wrong))})


def _wrong_penalty(name: str, wrong: Callable[..., Tensor]) -> AbstractContextManager[object]:
    return patch.dict(PENALTIES, {name: PENALTIES[name]._replace(gradient=_into_out(wrong))})


def _into_out(wrong: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The same function, whose result is written into `out` where it is given."""

    def into_out(*arguments: Any, out: Tensor | None = None, **named: Any) -> Tensor:
        result = wrong(*arguments, **named)
        return result if out is None else out.copy_(result)

    return into_out


def _wrong_output_error() -> AbstractContextManager[object]:
    """BP1 without its 1/n."""

    def wrong(output_error: Callable[..., Tensor], z: Tensor, y: Tensor, *out: Any, **output: Any) -> Tensor:
        return z.size(-2) * output_error(z, y, *out, **output)

    stack = ExitStack()
    squared = {name: (value, partial(wrong, error)) for name, (value, error) in costs.SQUARED.items()}
    paired = {
        name: cost._replace(
            output_error=partial(wrong, cost.output_error),
            label_error=cost.label_error and partial(wrong, cost.label_error),
        )
        for name, cost in costs.PAIRED.items()
    }
    stack.enter_context(patch.dict(costs.SQUARED, squared))
    stack.enter_context(patch.dict(costs.PAIRED, paired))
    return stack


def _wrong_equation(name: str, wrong: Callable[..., Tensor]) -> AbstractContextManager[object]:
    return patch.object(backprop, name, _into_out(wrong))


def _without_derivative(
    delta: Tensor, w: Tensor, sigma: Activation, a: Tensor, mask: Tensor | None = None, nabla_a: Tensor | None = None
) -> Tensor:
    return backprop.activation_gradient(delta, w, mask)


FAULTS: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "BP1": _wrong_output_error,
    "BP2": lambda: _wrong_equation("hidden_error", _without_derivative),
    "BP3": lambda: _wrong_equation("bias_gradient", lambda delta: delta.mean(dim=-2)),
    "BP4": lambda: _wrong_equation("weight_gradient", lambda delta, a: -(delta.mT @ a)),
    "identity": lambda: _wrong_derivative("identity", lambda v, a: v * a),
    "relu": lambda: _wrong_derivative("relu", lambda v, a: v * (a >= 0)),
    "scaled_tanh": lambda: _wrong_derivative("scaled_tanh", lambda v, a: v * (1 - a * a)),
    "sigmoid": lambda: _wrong_derivative("sigmoid", lambda v, a: v * (1 + a) * a),
    "tanh": lambda: _wrong_derivative("tanh", lambda v, a: v * (1 - a)),
    "dropout": lambda: _wrong_equation("activation_gradient", lambda delta, w, mask=None: delta @ w),
    "L1": lambda: _wrong_penalty("l1", lambda w, strength: strength * w),
    "L2": lambda: _wrong_penalty("l2", lambda w, strength: 2 * strength * w),
}
