"""In which precision a network computes."""

import torch
from jaxtyping import Float
from torch import Tensor


def compute_dtype(x: Tensor) -> torch.dtype:
    """The dtype that products with x are formed in: autocast's where it is enabled, else that of x."""
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype


def at_least_float32(z: Float[Tensor, "batch n_L"]) -> Float[Tensor, "batch n_L"]:
    """z, or where it has half precision a copy in float32: a cost sums too many numbers for less."""
    return z.float() if z.dtype in (torch.bfloat16, torch.float16) else z
