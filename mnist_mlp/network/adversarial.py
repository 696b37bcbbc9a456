"""Adversarial examples: images moved a little, the way their cost grows fastest."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from mnist_mlp.equations.backprop import activation_gradient, errors, feedforward
from mnist_mlp.network.mlp import MLP


@torch.no_grad()
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
        epsilon: The Euclidean length of the way, in the units of x; an image whose gradient is 0 is left as it is.

    Source: Goodfellow, Shlens, Szegedy, Explaining and Harnessing Adversarial Examples, 2015, section 4, with the
    Euclidean norm for the maximum norm, as Miyato et al., Virtual Adversarial Training, 2018, eq. (4).
    """
    z, trace = feedforward(x, mlp.weights, mlp.biases, mlp.sigmas, mlp.dropout_masks(x))
    *_, (_, delta_1) = errors(mlp.output_error(z, targets), mlp.weights, mlp.sigmas, trace)
    g = activation_gradient(delta_1, mlp.weights[0], trace.masks[0])
    return torch.add(x, F.normalize(g.to(x.dtype)), alpha=epsilon)
