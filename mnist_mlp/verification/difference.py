"""Gradients beside each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import frexp

import torch
from torch import Tensor

MAX_RELATIVE = 1e-12  # in float64
MAX_ULP = 4  # in lower precision, over the grid
MAX_ULP_OF_A_MODEL = 32  # the same for a real model, whose sums are a hundred times longer


@dataclass(frozen=True)
class Difference:
    """How far a gradient of a parameter lies from that of autograd.

    Attributes:
        absolute: The largest absolute difference.
        relative: The same, relative to the largest element of this parameter's gradient.
        ulp: The same, in units in the last place of the largest element of the whole gradient: where a sum nearly
            cancels, its own last place says nothing about the precision it was formed with.
        equal: Whether all bits are equal.
    """

    absolute: float
    relative: float
    ulp: float
    equal: bool

    def agrees(self, dtype: torch.dtype, exact: bool = False, max_ulp: float = MAX_ULP) -> bool:
        """Whether the difference is within what the precision allows. NaN never is."""
        within = self.relative <= MAX_RELATIVE if dtype == torch.float64 else self.ulp <= max_ulp
        return within and (self.equal or not exact)


def differences(values: Mapping[str, Tensor], references: Mapping[str, Tensor]) -> dict[str, Difference]:
    """How far the gradient of each parameter lies from its reference."""
    largest = max(reference.abs().max().item() for reference in references.values())
    compared = {}
    for name, reference in references.items():
        absolute = (values[name] - reference).abs().max().item()
        ulp = torch.finfo(reference.dtype).eps * 2.0 ** (frexp(largest)[1] - 1)
        equal = torch.equal(values[name], reference)
        compared[name] = Difference(absolute, relative_error(values[name], reference), absolute / ulp, equal)
    return compared


def relative_error(value: Tensor, reference: Tensor) -> float:
    """The largest absolute difference, relative to the largest element of the reference."""
    error, largest = (value - reference).abs().max(), reference.abs().max()
    return (error / largest if largest > 0 else error).item()


def largest(values: list[float]) -> float:
    """Their maximum, or NaN if there is one, which Python's max may pass over."""
    return torch.tensor(values, dtype=torch.float64).max().item()
