"""Penalties on the weights, added to the cost, each beside its gradient, and a limit to them. No bias is penalized."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mnist_mlp.equations.shapes import Scalar, Strength, Weights


class Penalty(NamedTuple):
    """A penalty of all weights, and its gradient.

    Attributes:
        value: (weights, strength) -> the penalty, a scalar.
        gradient: (w, strength, out) -> its gradient for one of them, of the shape of w.
    """

    value: Callable[[Sequence[Tensor], float], Tensor]
    gradient: Callable[..., Tensor]


def l1(weights: Sequence[Tensor], strength: float) -> Scalar:
    """strength sum |w| over all weights; Nielsen's lambda/n sum |w| has the strength lambda/n.

    Source: Nielsen, ch. 3, eq. (95).
    """
    return strength * torch.stack([w.abs().sum() for w in weights]).sum()


def l1_gradient(w: Weights, strength: Strength, out: Weights | None = None) -> Weights:
    """strength sgn(w), written into `out` where it is given; 0 where w is 0, as in PyTorch.

    Source: Nielsen, ch. 3, eq. (96).
    """
    return torch.sgn(w, out=out).mul_(strength)


def l2(weights: Sequence[Tensor], strength: float) -> Scalar:
    """strength/2 sum w^2 over all weights; Nielsen's lambda/(2n) sum w^2 has the strength lambda/n.

    Source: Nielsen, ch. 3, eq. (87).
    """
    return strength / 2 * torch.stack([w.square().sum() for w in weights]).sum()


def l2_gradient(w: Weights, strength: Strength, out: Weights | None = None) -> Weights:
    """strength w, written into `out` where it is given.

    Source: Nielsen, ch. 3, eq. (88).
    """
    return torch.mul(w, strength, out=out)


def strengths(l1: float, l2: float, n: int) -> tuple[float, float]:
    """The strengths lambda/n of L1 and of L2, where n is the number of images that train, whatever the batch size.

    Source: Nielsen, ch. 3, eq. (87) and (95).
    """
    return l1 / n, l2 / n


PENALTIES = {"l1": Penalty(l1, l1_gradient), "l2": Penalty(l2, l2_gradient)}


def limit_norms(w: Weights, max_norm: float) -> None:
    """Shrink, in place, the incoming weights of each neuron, a row of w, to a Euclidean norm of at most max_norm.

    Source: Srivastava et al., Dropout, 2014, section 5.1.
    """
    w.view(-1, w.shape[-1]).renorm_(2, 0, max_norm)
