"""The path that trains: what a block of mini-batches makes of each, beside autograd and torch's optimizers."""

import copy
from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor
from torch.optim import ASGD, SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, NAdam, Optimizer, RAdam, RMSprop, Rprop

from mnist_mlp.bare_loop.after_step import after_each_step
from mnist_mlp.bare_loop.block import BareLoop
from mnist_mlp.bare_loop.gradient_steps import Step
from mnist_mlp.network.mlp import MLP
from mnist_mlp.verification.difference import Difference, differences
from mnist_mlp.verification.gradients import L1_STRENGTH, L2_STRENGTH, fixed_masks, gradients

MakeOptimizer = Callable[[Iterable], Optimizer]

OPTIMIZERS: dict[str, MakeOptimizer] = {
    "SGD": partial(SGD, lr=0.1),
    "SGD with momentum": partial(SGD, lr=0.1, momentum=0.9),
    "SGD with Nesterov's": partial(SGD, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "Adam": partial(Adam, lr=0.01),
    "Adam, fused": partial(Adam, lr=0.01, fused=True),
    "AdamW": partial(AdamW, lr=0.01),
    "RMSprop": partial(RMSprop, lr=0.01),
    "Adagrad": partial(Adagrad, lr=0.1),
    "Adadelta": Adadelta,
    "Adamax": partial(Adamax, lr=0.01),
    "NAdam": partial(NAdam, lr=0.01),
    "RAdam": partial(RAdam, lr=0.01),
    "ASGD": partial(ASGD, lr=0.1),
    "Rprop": partial(Rprop, lr=0.01),
}


def compare_block(
    mlp: MLP, xs: Tensor, labels: Tensor, make_optimizer: MakeOptimizer
) -> tuple[list[dict[str, Difference]], list[bool]]:
    """Train a copy of a network on a block, by hand, and look at each of its mini-batches.

    Args:
        mlp: The network, which is left as it is.
        xs: The inputs of the block, shape (steps, batch, n_0).
        labels: Their classes, shape (steps, batch).
        make_optimizer: What updates the parameters.

    Returns:
        For each mini-batch the differences of its gradients from autograd's, at the same parameters and under the same
        dropout masks; and whether its update gave the parameters, to the last bit, that `optimizer.step` makes of these
        gradients.
    """
    trained, twin = copy.deepcopy(mlp), copy.deepcopy(mlp)
    trained.gradients = "manual"
    optimizer, own_step = make_optimizer(trained.parameters()), make_optimizer(twin.parameters()).step
    seen: list[dict[str, Difference]] = []
    same_updates: list[bool] = []

    def watch(step: Step) -> Step:
        def watched(x: Tensor, y: Tensor, z: Tensor) -> None:
            with fixed_masks(x):
                step(x, y, z)
            with torch.enable_grad():
                by_autograd = gradients(twin, x, y, "autograd")
            made = {name: p.grad for name, p in trained.named_parameters() if p.grad is not None}
            seen.append(differences(made, by_autograd))

        return watched

    def update_twin() -> None:
        for own, other in zip(twin.parameters(), trained.parameters(), strict=True):
            own.grad = None if other.grad is None else other.grad.clone()
        own_step()
        pairs = zip(twin.parameters(), trained.parameters(), strict=True)
        same_updates.append(all(torch.equal(own, other) for own, other in pairs))

    after_step = [*after_each_step(trained, optimizer), update_twin]
    BareLoop(trained, L1_STRENGTH, L2_STRENGTH).train(xs, labels, after_step, watch)
    return seen, same_updates
