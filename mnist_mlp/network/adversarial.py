"""Adversarial examples: images moved a little, the way their cost grows fastest."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mnist_mlp.network.mlp import MLP


def adversarial_examples(
    mlp: MLP,
    x: Float[Tensor, "batch n_0"],
    targets: Int[Tensor, "batch"] | Float[Tensor, "batch n_L"],
    epsilon: float,
) -> Float[Tensor, "batch n_0"]:
    """x + epsilon g / ||g|| for each sample, where g = dC/dx: backpropagation, one layer further down.

    Args:
        mlp: The network. Where it is trained, its dropout draws masks.
        x: The inputs.
        targets: As in `MLP.loss`.
        epsilon: The Euclidean length of the way, in the units of x; an image without a gradient stays.

    Source: Goodfellow, Shlens, Szegedy, Explaining and Harnessing Adversarial Examples, 2015, section 4, with the
    Euclidean norm for the maximum norm, as Miyato et al., Virtual Adversarial Training, 2018, eq. (4).
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        (g,) = torch.autograd.grad(mlp.loss(mlp(x), targets), x)
    return torch.add(x.detach(), torch.nn.functional.normalize(g), alpha=epsilon)
