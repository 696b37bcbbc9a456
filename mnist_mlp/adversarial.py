"""Adversarial examples: images moved a little, the way their cost grows fastest."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mnist_mlp.mlp import MLP
from mnist_mlp.steps import Step


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


class AdversarialStep:
    """The gradients of the mean cost of a mini-batch and its adversarial examples.

    Args:
        step: What computes the gradients of both together: a mini-batch twice as large.
        mlp: The network.
        epsilon: As in `adversarial_examples`.
    """

    def __init__(self, step: Step, mlp: MLP, epsilon: float) -> None:
        self.step = step
        self.mlp = mlp
        self.epsilon = epsilon

    def __call__(
        self, x: Float[Tensor, "batch n_0"], y: Float[Tensor, "twice_batch n_L"], z: Float[Tensor, "twice_batch n_L"]
    ) -> None:
        """Write z^L of both into z, and the gradient of each parameter into its `grad`; y is aimed at by both."""
        self.step(torch.cat([x, adversarial_examples(self.mlp, x, y[: len(x)], self.epsilon)]), y, z)
