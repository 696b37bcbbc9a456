"""The path that trains: what a block of mini-batches makes of each, beside autograd and torch's optimizers."""

import copy
from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor
from torch.optim import (
    ASGD,
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    NAdam,
    Optimizer,
    RAdam,
    RMSprop,
    Rprop,
)

from mnist_mlp.bare_loop.after_step import after_each_step
from mnist_mlp.bare_loop.block import BareLoop, needs_autograd
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
    "Adafactor": Adafactor,
}


def compare_block(
    mlp: MLP, xs: Tensor, targets: Tensor, make_optimizer: MakeOptimizer
) -> tuple[list[dict[str, Difference]], list[bool]]:
    """Train a copy of a network on a block, by hand, and look at each of its mini-batches.

    Args:
        mlp: The network, which is left as it is.
        xs: The inputs of the block, shape (steps, batch, n_0).
        targets: Their labels, shape (steps, batch), or the values aimed at, (steps, batch, n_L).
        make_optimizer: What updates the parameters.

    Returns:
        For each mini-batch the differences of its gradients from autograd's, at the same parameters and under the same
        dropout masks; and whether its update gave the parameters, to the last bit, that `optimizer.step` makes of these
        gradients.
    """
    trained = copy.deepcopy(mlp)
    trained.gradients = "manual"
    if needs_autograd(trained):
        raise ValueError(
            "a network in eval mode, with hooks or with frozen parameters is not trained by hand in blocks; "
            "compare one that is trained as it is"
        )
    twin = Twin(trained, make_optimizer)
    after_step = [*after_each_step(trained, make_optimizer(trained.parameters())), twin.follow]
    BareLoop(trained, L1_STRENGTH, L2_STRENGTH).train(xs, targets, after_step, twin.watch)
    return twin.differences, twin.same_updates


class Twin:
    """The same network, which autograd differentiates and torch's optimizer updates.

    Attributes:
        differences: For each step of the other network those of its gradients from the twin's.
        same_updates: For each step whether both have the same parameters after it.
    """

    def __init__(self, other: MLP, make_optimizer: MakeOptimizer) -> None:
        self.other, self.mlp = other, copy.deepcopy(other)
        self.optimizer = make_optimizer(self.mlp.parameters())
        self.differences: list[dict[str, Difference]] = []
        self.same_updates: list[bool] = []

    def watch(self, step: Step) -> Step:
        """The other network's step, whose gradients are compared."""

        def watched(x: Tensor, y: Tensor, z: Tensor) -> None:
            with fixed_masks(x):
                step(x, y, z)
            with torch.enable_grad():
                by_autograd = gradients(self.mlp, x, y, "autograd")
            made = {name: p.grad for name, p in self.other.named_parameters() if p.grad is not None}
            self.differences.append(differences(made, by_autograd))

        return watched

    def follow(self) -> None:
        """Make the optimizer's own step of the other network's gradients."""
        pairs = list(zip(self.mlp.parameters(), self.other.parameters(), strict=True))
        for own, other in pairs:
            own.grad = None if other.grad is None else other.grad.clone()
        self.optimizer.step()
        self.same_updates.append(all(torch.equal(own, other) for own, other in pairs))
