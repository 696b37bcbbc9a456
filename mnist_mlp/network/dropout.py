"""Dropout: which inputs of a layer are left out of a mini-batch."""

import torch
from jaxtyping import Float
from torch import Tensor


def draw_mask(
    mask: Float[Tensor, "batch n"], p: float, generator: torch.Generator | None = None
) -> Float[Tensor, "batch n"]:
    """Fill a mask with 0, with the probability p, and 1/(1 - p); in a third of the time of `bernoulli_`.

    Source: Srivastava et al., Dropout, 2014, with 1/(1 - p) applied while training.
    """
    return mask.uniform_(generator=generator).lt_(1 - p).div_(1 - p)


def compute_dtype(x: Tensor) -> torch.dtype:
    """The dtype that products with x are formed in: autocast's where it is enabled, else that of x."""
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype
