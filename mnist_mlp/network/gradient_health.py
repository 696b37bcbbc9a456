"""How well gradients flow through a network: what each layer of it does on some images.

A probe is a forward and a backward pass of the equations over images that stay the same from epoch to epoch, without
dropout, whichever gradients the network is trained with.
"""

import copy
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.optim import Optimizer

from mnist_mlp.equations.activations import ACTIVATIONS, Activation
from mnist_mlp.equations.backprop import errors, feedforward, weight_gradient
from mnist_mlp.network.evaluating import evaluating
from mnist_mlp.network.input_checks import check_inputs
from mnist_mlp.network.mlp import MLP

SATURATED = 0.05  # of the derivative at 0


class Probe(NamedTuple):
    """What a network does on some images.

    Attributes:
        inputs: a^{l-1} for each layer, shape (n, n_{l-1}).
        outputs: a^l for each hidden layer, shape (n, n_l).
        deltas: n delta^l for each layer, shape (n, n_l): row i is the gradient of the cost of image i.
    """

    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]
    deltas: Sequence[Tensor]

    def gradients(self, n: int) -> list[Tensor]:
        """dC/dw^l for each layer, over the first n images."""
        return [weight_gradient(delta[:n] / n, a[:n]) for delta, a in zip(self.deltas, self.inputs, strict=True)]

    def error_norms(self) -> list[float]:
        """||delta^l|| for each layer: the mean over all images of the norm of each image's.

        Source: Nielsen, ch. 5, the speed of learning of each layer; there the norm is of the mean.
        """
        return [delta.norm(dim=1).mean().item() for delta in self.deltas]


@torch.no_grad()
def probe(mlp: MLP, x: Float[Tensor, "n n_0"], labels: Int[Tensor, "n"]) -> Probe:
    """Feed images forward and their errors back, without dropout.

    Raises:
        ValueError: as `MLP.forward` does.
    """
    if not mlp.has_plain_layers:
        return _probe_through_layers(mlp, x, labels)
    check_inputs(x, mlp.weights, mlp.biases)
    z, trace = feedforward(x, mlp.weights, mlp.biases, mlp.sigmas)
    delta_L = mlp.output_error(z, labels) * len(x)
    deltas = [delta for _, delta in errors(delta_L, mlp.weights, mlp.sigmas, trace)]
    return Probe(trace.inputs, trace.outputs, deltas[::-1])


@torch.enable_grad()
def _probe_through_layers(mlp: MLP, x: Tensor, labels: Tensor) -> Probe:
    """The same by autograd, whatever the layers are."""
    a, inputs, zs = x.detach().requires_grad_(), [], []
    with evaluating(mlp):
        for layer, sigma in zip(mlp.layers, [*mlp.sigmas, ACTIVATIONS["identity"]], strict=True):
            inputs.append(a)
            zs.append(layer(a))
            a = sigma.function(zs[-1])
    cost = mlp.cost.value(a, mlp.targets_as_values(labels, like=a)) * len(x)
    deltas = torch.autograd.grad(cost, zs)
    inputs = [a.detach() for a in inputs]
    return Probe(inputs, inputs[1:], deltas)


def idle_share(sigma: Activation, a: Float[Tensor, "n n_l"]) -> float | None:
    """How much of a hidden layer doesn't learn; None where the activation has no such neurons.

    Args:
        sigma: Its activation, whose `idle` says what such neurons are called.
        a: sigma(z^l) for some images.

    Returns:
        Where they are dead, the share of neurons whose derivative is 0 for every image; where they are saturated, the
        share of activations, of all neurons and images, whose derivative is less than a twentieth of that at z = 0.
    """
    if sigma.idle is None:
        return None
    slopes = sigma.derivative(a)
    if sigma.idle == "dead":
        return (slopes == 0).all(dim=0).float().mean().item()
    at_zero = sigma.derivative(sigma.function(a.new_zeros(())))
    return (slopes < SATURATED * at_zero).float().mean().item()


@torch.no_grad()
def relative_updates(optimizer: Optimizer, weights: Sequence[Tensor], gradients: Sequence[Tensor]) -> list[float]:
    """||step|| / ||w|| of the step that an optimizer would make next from these gradients; it makes none.

    Args:
        optimizer: It stays as it is. One of torch's, and not one that needs a closure.
        weights: Some of its parameters, none of them all 0; the others get no gradient.
        gradients: One for each of these.

    Source: the ratio of updates to weights is to be about 1e-3: Karpathy, CS231n, Babysitting the learning process.
    """
    trial = copy.deepcopy(optimizer)
    copies = dict(zip(_parameters(optimizer), _parameters(trial), strict=True))
    for w, gradient in zip(weights, gradients, strict=True):
        copies[w].grad = gradient
    trial.step()
    return [((copies[w] - w).norm() / w.norm()).item() for w in weights]


def _parameters(optimizer: Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
