"""Penalties on the weights, added to the cost, each beside its gradient. Biases are never penalised."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def l2(weights: Sequence[Tensor], strength: float) -> Float[Tensor, ""]:
    """strength/2 sum w^2 over all weights; Nielsen's lambda/(2n) sum w^2 has the strength lambda/n.

    Source: Nielsen, ch. 3, eq. (87).
    """
    return strength / 2 * torch.stack([w.square().sum() for w in weights]).sum()


def l2_gradient(
    w: Float[Tensor, "n_out n_in"], strength: float, out: Float[Tensor, "n_out n_in"] | None = None
) -> Float[Tensor, "n_out n_in"]:
    """strength w, written into `out` where it is given.

    Source: Nielsen, ch. 3, eq. (88).
    """
    return torch.mul(w, strength, out=out)
