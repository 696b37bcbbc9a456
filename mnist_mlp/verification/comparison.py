"""Every parameter of a network by hand, beside autograd, central differences, and a block of mini-batches."""

from dataclasses import asdict, dataclass
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from mnist_mlp.network.mlp import MLP
from mnist_mlp.verification.block_comparison import MakeOptimizer, compare_block
from mnist_mlp.verification.central_differences import MAX_RELATIVE_CENTRAL, central_difference
from mnist_mlp.verification.difference import MAX_ULP, Difference, differences, largest
from mnist_mlp.verification.gradients import gradients

BLOCK_DTYPES = (torch.float64, torch.float32)  # in others, mini-batches do not come in blocks


@dataclass(frozen=True)
class Comparison:
    """What was found of one parameter.

    Attributes:
        autograd: The hand-written gradient, as an `autograd.Function`, beside autograd's.
        block: The largest of the differences in the mini-batches of a block, or None where there are no blocks.
        same_updates: Whether each update of the block gave the parameters of the optimizer's own step.
        central: The largest difference from central differences, relative to the largest element; None where none
            were taken.
        skipped: How many central differences were left out, because a kink lies between their points.
    """

    autograd: Difference
    block: Difference | None
    same_updates: bool
    central: float | None
    skipped: int

    def agrees(self, dtype: torch.dtype, exact: bool = False, max_ulp: float = MAX_ULP) -> bool:
        """Whether all that was compared is within what the precision allows."""
        in_blocks = self.block is None or self.block.agrees(dtype, max_ulp=max_ulp)
        by_differences = self.central is None or self.central <= MAX_RELATIVE_CENTRAL
        return self.autograd.agrees(dtype, exact, max_ulp) and in_blocks and self.same_updates and by_differences

    def row(self) -> dict[str, Any]:
        """All numbers by name."""
        block = asdict(self.block) if self.block else dict.fromkeys(asdict(self.autograd))
        return {
            **asdict(self.autograd),
            **{f"block_{name}": value for name, value in block.items()},
            "same_updates": self.same_updates,
            "central": self.central,
            "skipped": self.skipped,
        }


def compare(
    mlp: MLP, xs: Tensor, targets: Tensor, make_optimizer: MakeOptimizer | None, elements: int | None = None
) -> dict[str, Comparison]:
    """Compare the gradients of each parameter, under the same dropout masks.

    In float64 on the CPU central differences are taken too.

    Args:
        mlp: The network.
        xs: The inputs of some mini-batches, shape (steps, batch, n_0); all but the block take the first.
        targets: Their labels, shape (steps, batch), or the values aimed at, (steps, batch, n_L).
        make_optimizer: What updates the parameters in the block; None for no block.
        elements: Take the central differences of so many elements of each parameter; by default of all.
    """
    x, y = xs[0], targets[0]
    by_hand, by_autograd = (gradients(mlp, x, y, mode) for mode in ("manual", "autograd"))
    steps, same_updates = [], [True]
    if make_optimizer and x.dtype in BLOCK_DTYPES:
        steps, same_updates = compare_block(mlp, xs, targets, make_optimizer)
    found = {}
    for name, difference in differences(by_hand, by_autograd).items():
        central, skipped = None, 0
        if x.dtype == torch.float64 and x.device.type == "cpu":
            central, skipped = central_difference(mlp, x, y, name, by_hand[name], elements)
        block = reduce(_worse, (step[name] for step in steps)) if steps else None
        found[name] = Comparison(difference, block, all(same_updates), central, skipped)
    return found


def _worse(one: Difference, other: Difference) -> Difference:
    """The larger of each number of two differences."""
    return Difference(
        largest([one.absolute, other.absolute]),
        largest([one.relative, other.relative]),
        largest([one.ulp, other.ulp]),
        one.equal and other.equal,
    )
