"""Adversarial examples: images moved a little, the way their cost grows fastest."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from mnist_mlp.equations.backprop import activation_gradient, errors, feedforward
from mnist_mlp.network.input_checks import check_inputs
from mnist_mlp.network.mlp import MLP


@torch.no_grad()
def adversarial_examples(
    mlp: MLP,
    x: Float[Tensor, "batch n_0"],
    targets: Int[Tensor, "batch"] | Float[Tensor, "batch n_L"],
    epsilon: float,
) -> Float[Tensor, "batch n_0"]:
    """x + epsilon g / ||g|| for each sample, where g = dC/dx: backpropagation, one layer further down.

    By the equations, whatever `mlp.gradients` is, and by autograd where a layer is not a plain `nn.Linear`; hooks on
    the network itself do not act here.

    Args:
        mlp: The network. Where it is trained, its dropout draws masks.
        x: The inputs.
        targets: As in `MLP.loss`.
        epsilon: The Euclidean length of the way, in the units of x; an image whose gradient is 0 is left as it is.

    Raises:
        ValueError: as `MLP.forward` does.

    Source: Goodfellow, Shlens, Szegedy, Explaining and Harnessing Adversarial Examples, 2015, section 4, with the
    Euclidean norm for the maximum norm, as Miyato et al., Virtual Adversarial Training, 2018.
    """
    g = _gradient_of_inputs(mlp, x, targets) if mlp.has_plain_layers else _gradient_by_autograd(mlp, x, targets)
    return torch.add(x, F.normalize(g.to(x.dtype)), alpha=epsilon)


def _gradient_of_inputs(mlp: MLP, x: Tensor, targets: Tensor) -> Tensor:
    check_inputs(x, mlp.weights, mlp.biases)
    # detached, since autocast would keep its copies of the parameters, without a graph, for the next forward pass
    weights, biases = [w.detach() for w in mlp.weights], [b.detach() for b in mlp.biases]
    z, trace = feedforward(x, weights, biases, mlp.sigmas, mlp.dropout_masks(x))
    *_, (_, delta_1) = errors(mlp.output_error(z, targets), weights, mlp.sigmas, trace)
    return activation_gradient(delta_1, weights[0], trace.masks[0])


@torch.enable_grad()
def _gradient_by_autograd(mlp: MLP, x: Tensor, targets: Tensor) -> Tensor:
    pixels = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(mlp.loss(mlp.forward(pixels), targets), pixels)
    return g
