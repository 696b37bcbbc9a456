"""The grid of small networks over which gradients are compared."""

from dataclasses import dataclass
from itertools import cycle, product

import torch
from torch import Tensor

from mnist_mlp.equations import costs
from mnist_mlp.equations.activations import ACTIVATIONS
from mnist_mlp.equations.costs import cost_named
from mnist_mlp.network.mlp import MLP
from mnist_mlp.verification.block_comparison import OPTIMIZERS

BATCH_SIZES = (1, 8)
SIZES = ((5, 3), (5, 4, 3), (5, 7, 4, 6, 3))  # 0, 1 and 3 hidden layers; no width is a batch size
DTYPES = (torch.float64, torch.float32, torch.bfloat16)
BLOCK_STEPS = 3
NO_ACTIVATION = "none"
TARGETS = ("labels", "smoothed", "labels", "mixed", "labels", "unnormalised", "labels")


@dataclass(frozen=True)
class Case:
    """One combination of the grid."""

    sizes: tuple[int, ...]
    activation: str
    cost: str
    output_activation: str
    dropout: float
    batch_size: int
    dtype: torch.dtype
    device: str
    optimizer: str
    targets: str

    @property
    def exact(self) -> bool:
        """Whether autograd forms the same sums in the same order, so that every bit must be the same.

        In bfloat16 products of three factors are rounded in other places, and on CUDA the order of a sum is the
        library's own affair.
        """
        cost = cost_named(self.cost, self.output_activation)
        same_order = cost.same_bits and (self.activation == NO_ACTIVATION or ACTIVATIONS[self.activation].same_bits)
        return same_order and self.device == "cpu" and self.dtype != torch.bfloat16

    def __str__(self) -> str:
        return (
            f"{'-'.join(map(str, self.sizes))} {self.activation}, {self.cost} of {self.output_activation}, "
            f"dropout {self.dropout}, batch of {self.batch_size}, {self.targets}, {self.optimizer}, "
            f"{dtype_name(self.dtype)} on {self.device}"
        )

    def build(self) -> tuple[MLP, Tensor, Tensor]:
        """A network, and inputs and targets of as many mini-batches as a block has, drawn from a fixed seed."""
        with torch.random.fork_rng():
            torch.manual_seed(0)
            squared = self.cost in costs.SQUARED
            mlp = MLP(
                self.sizes,
                [self.activation] * (len(self.sizes) - 2),
                self.cost,
                initializer="pytorch",
                output_activation=self.output_activation if squared else None,
                dropout=self.dropout,
                input_dropout=self.dropout / 2,
            ).to(self.device, self.dtype)
            xs = torch.randn(BLOCK_STEPS, self.batch_size, self.sizes[0]).to(self.device, self.dtype)
            labels = torch.randint(self.sizes[-1], (BLOCK_STEPS, self.batch_size)).to(self.device)
            targets = labels if self.targets == "labels" else self._values(labels).to(self.device, self.dtype)
        return mlp, xs, targets

    def _values(self, labels: Tensor) -> Tensor:
        """Values to aim at: smoothed labels, mixtures of two, or such mixtures that sum to anything.

        All are far from what a network says before it has learned: where a and y nearly cancel, few digits are left.
        """
        n_L = self.sizes[-1]
        rows = torch.eye(n_L)[labels.cpu()]
        if self.targets == "smoothed":
            return 0.8 * rows + 0.2 / n_L
        mixed = 0.7 * rows + 0.3 * rows.roll(1, dims=-1)
        return mixed if self.targets == "mixed" else (1.5 + torch.rand(*labels.shape, 1)) * mixed


def grid() -> list[Case]:
    """All combinations of activation, cost, output activation, depth, dropout, batch size, dtype and device."""
    paired = [(name, cost.output_activation.__name__) for name, cost in costs.PAIRED.items()]
    outputs = [*product(costs.SQUARED, ACTIVATIONS), *paired]
    devices = ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)
    optimizers, targets = cycle(OPTIMIZERS), cycle(TARGETS)  # in turn: each meets every other setting somewhere
    return [
        Case(sizes, activation, cost, output, dropout, batch_size, dtype, device, next(optimizers), next(targets))
        for device, dtype, (cost, output), sizes, dropout, batch_size in product(
            devices, DTYPES, outputs, SIZES, (0.0, 0.4), BATCH_SIZES
        )
        for activation in (ACTIVATIONS if len(sizes) > 2 else [NO_ACTIVATION])
    ]


def dtype_name(dtype: torch.dtype) -> str:
    """float32 for torch.float32."""
    return str(dtype).removeprefix("torch.")
