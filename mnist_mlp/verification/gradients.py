"""The gradients of one mini-batch, by hand and by autograd, under the same dropout masks."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from mnist_mlp.network.mlp import MLP

L1_STRENGTH, L2_STRENGTH = 0.001, 0.01


def penalized_loss(mlp: MLP, z: Tensor, targets: Tensor) -> Tensor:
    """The cost with both penalties."""
    return mlp.penalized(mlp.loss(z, targets), L1_STRENGTH, L2_STRENGTH)


def gradients(mlp: MLP, x: Tensor, targets: Tensor, mode: str) -> dict[str, Tensor]:
    """The gradient of cost and penalties for each parameter, by hand or by autograd; leaves `mlp` as it was."""
    own_mode, mlp.gradients = mlp.gradients, mode
    try:
        with fixed_masks(x):
            loss = penalized_loss(mlp, mlp(x), targets)
        names, parameters = zip(*mlp.named_parameters(), strict=True)
        return dict(zip(names, torch.autograd.grad(loss, parameters), strict=True))
    finally:
        mlp.gradients = own_mode


@contextmanager
def fixed_masks(x: Tensor) -> Iterator[None]:
    """Draw the same dropout masks each time, and leave the random generators as they were."""
    with torch.random.fork_rng([x.device] if x.device.type == "cuda" else []):
        torch.manual_seed(1)
        yield
