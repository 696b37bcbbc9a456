"""What a network is fed, checked before the matrix products refuse it obscurely, or broadcasting hides it."""

from collections.abc import Sequence

import torch
from torch import Tensor


def check_inputs(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> None:
    """Refuse inputs that are empty, not finite, not floating-point, or that do not fit the parameters.

    Raises:
        ValueError: naming both shapes, dtypes or devices.
    """
    n_before = weights[0].shape[1]
    check_batch(x, n_before)
    for l, (w, b) in enumerate(zip(weights, biases, strict=True)):
        if w.dim() != 2 or w.shape[1] != n_before or b.shape != w.shape[:1]:
            raise ValueError(
                f"weights[{l}] and biases[{l}] must have the shapes (n, {n_before}) and (n,); "
                f"got {tuple(w.shape)} and {tuple(b.shape)}"
            )
        n_before = w.shape[0]
        _check_kin(l, x, w, b)


def check_batch(x: Tensor, n_0: int | None) -> None:
    """Refuse inputs that are no tensor, empty, not finite, not floating-point, or not of the shape (batch, n_0).

    Args:
        x: The inputs.
        n_0: How many a sample has; None where the first layer doesn't say it.

    Raises:
        ValueError: naming what is wrong with them.
    """
    if not isinstance(x, Tensor):
        raise ValueError(
            f"inputs must be a torch.Tensor; got {_name_of_type(x)}: use torch.as_tensor(x, dtype=torch.float32)"
        )
    if x.dim() != 2 or n_0 not in (x.shape[1], None):
        remedy = "give a single sample as x[None]" if x.dim() == 1 else "flatten images with x.flatten(1)"
        raise ValueError(f"inputs must have the shape (batch, {n_0 or 'inputs'}); got {tuple(x.shape)}: {remedy}")
    if len(x) == 0:
        raise ValueError(f"a batch must hold at least one sample; got the shape {tuple(x.shape)}")
    if not x.is_floating_point():
        raise ValueError(f"inputs must be floating-point, pixels in [0, 1] say; got {x.dtype}: divide bytes by 255")
    if not x.sum(dtype=torch.promote_types(x.dtype, torch.float32)).isfinite():
        raise ValueError(
            "inputs must be finite; got NaN or infinite ones: look for a division by zero before the network"
        )


def _check_kin(l: int, x: Tensor, w: Tensor, b: Tensor) -> None:
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


def check_targets(targets: Tensor, z: Tensor) -> None:
    """Refuse targets that are no tensor, and weighted inputs that are not of the shape (batch, n_L).

    Raises:
        ValueError: naming what is wrong with them.
    """
    if not isinstance(targets, Tensor):
        raise ValueError(f"targets must be a torch.Tensor; got {_name_of_type(targets)}: use torch.as_tensor(targets)")
    if z.dim() != 2:
        raise ValueError(
            f"z must have the shape (batch, outputs); got {tuple(z.shape)}: give a single sample as z[None]"
        )


def _name_of_type(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
