"""Penalties on the weights, added to the cost, each beside its gradient, and a limit to them. Biases go free."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def l1(weights: Sequence[Tensor], strength: float) -> Float[Tensor, ""]:
    """strength sum |w| over all weights; Nielsen's lambda/n sum |w| has the strength lambda/n.

    Source: Nielsen, ch. 3, eq. (95).
    """
    return strength * torch.stack([w.abs().sum() for w in weights]).sum()


def l1_gradient(
    w: Float[Tensor, "*networks n_out n_in"], strength: float, out: Float[Tensor, "*networks n_out n_in"] | None = None
) -> Float[Tensor, "*networks n_out n_in"]:
    """strength sgn(w), written into `out` where it is given; 0 where w is 0, as in PyTorch.

    Source: Nielsen, ch. 3, eq. (96).
    """
    return torch.sgn(w, out=out).mul_(strength)


def l2(weights: Sequence[Tensor], strength: float) -> Float[Tensor, ""]:
    """strength/2 sum w^2 over all weights; Nielsen's lambda/(2n) sum w^2 has the strength lambda/n.

    Source: Nielsen, ch. 3, eq. (87).
    """
    return strength / 2 * torch.stack([w.square().sum() for w in weights]).sum()


def l2_gradient(
    w: Float[Tensor, "*networks n_out n_in"], strength: float, out: Float[Tensor, "*networks n_out n_in"] | None = None
) -> Float[Tensor, "*networks n_out n_in"]:
    """strength w, written into `out` where it is given.

    Source: Nielsen, ch. 3, eq. (88).
    """
    return torch.mul(w, strength, out=out)


def limit_norms(w: Float[Tensor, "*networks n_out n_in"], max_norm: float) -> None:
    """Shrink, in place, the incoming weights of each neuron, a row of w, to a Euclidean norm of at most max_norm.

    Source: Srivastava et al., Dropout, 2014, section 5.1.
    """
    norms = torch.linalg.vector_norm(w, dim=-1, keepdim=True)
    w.mul_((max_norm / norms).clamp_(max=1))
