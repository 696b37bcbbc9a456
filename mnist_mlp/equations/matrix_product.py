"""The matrix product, by the faster of the two libraries that torch brings for the CPU."""

import torch
from jaxtyping import Float
from torch import Tensor

from mnist_mlp.torch_internals import HAS_ONEDNN_LINEAR, onednn_linear

ONEDNN_PRODUCTS = 4_000_000  # multiply-adds from which oneDNN gains more than its call costs


def product(
    a: Float[Tensor, "*networks m k"],
    b: Float[Tensor, "*networks k n"],
    bias: Float[Tensor, "*networks n"] | None = None,
    out: Float[Tensor, "*networks m n"] | None = None,
) -> Float[Tensor, "*networks m n"]:
    """a @ b, plus the bias in each row where there is one; with one dimension more, that of each of several networks.

    `torch.mm` calls MKL in float32, which takes its slower kernels on processors that are not Intel's: on an AMD EPYC
    with AVX-512, oneDNN takes half the time. But oneDNN has no gradient, takes no `out`, and its call costs 15
    microseconds. So it forms the large products that need no gradient, in float32 on the CPU: under the same settings a
    product of the same shapes has the same bits each time.

    Args:
        a: The left factor.
        b: The right factor.
        bias: Added to each row.
        out: Where `torch.mm` writes the product; oneDNN allocates its own.
    """
    if a.dim() == 3:
        return torch.bmm(a, b, out=out) if bias is None else torch.baddbmm(bias[:, None], a, b, out=out)
    if a.numel() * b.size(1) >= ONEDNN_PRODUCTS and not torch.is_grad_enabled() and is_onednns(a):
        return onednn_linear(a, b.T, bias)
    if bias is None:
        return torch.mm(a, b, out=out)
    return torch.addmm(bias, a, b, out=out)


def is_onednns(a: Tensor) -> bool:
    """Whether large products with a, where they need no gradient, are oneDNN's."""
    on_cpu = a.dtype == torch.float32 and a.device.type == "cpu"
    return HAS_ONEDNN_LINEAR and on_cpu and not torch.is_autocast_enabled("cpu")
