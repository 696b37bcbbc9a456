"""Several networks of one architecture at once, whose matrices lie in one tensor for each layer."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mnist_mlp.network.mlp import MLP


class MLPStack(nn.Module):
    """N networks, with one more dimension in front in each parameter: w^l is (N, n_l, n_{l-1}), and b^l (N, n_l).

    One batched product does the work of N small ones, each of which costs its call. The parameters of the N networks
    become views into the stack's, so that they can be used, measured and saved at any time as networks of their own.

    Args:
        networks: Networks of the same sizes, activations and dropout; the cost is that of the first.

    Attributes:
        networks: The same.

    Raises:
        ValueError: if they differ in these.
    """

    def __init__(self, networks: Sequence[MLP]) -> None:
        super().__init__()
        self.networks = tuple(networks)  # in a tuple, since their parameters are those of the stack
        self.sizes, self.activations = networks[0].sizes, networks[0].activations
        self.sigmas, self.cost = networks[0].sigmas, networks[0].cost
        self.dropout_probabilities = networks[0].dropout_probabilities
        self.targets_as_values = networks[0].targets_as_values
        for mlp in networks:
            if (mlp.sizes, mlp.activations, mlp.dropout_probabilities) != (
                self.sizes,
                self.activations,
                self.dropout_probabilities,
            ):
                raise ValueError(
                    f"the networks of a stack must have the same sizes, activations and dropout; got "
                    f"{self.sizes} and {mlp.sizes}, {self.activations} and {mlp.activations}: make a stack for each"
                )
        weights, biases = ([getattr(mlp, name) for mlp in networks] for name in ("weights", "biases"))
        self.weight_stacks = nn.ParameterList(map(_stacked, zip(*weights, strict=True)))
        self.bias_stacks = nn.ParameterList(map(_stacked, zip(*biases, strict=True)))

    @property
    def weights(self) -> list[Tensor]:
        """w^l for l = 1 ... L, each of shape (N, n_l, n_{l-1})."""
        return list(self.weight_stacks)

    @property
    def biases(self) -> list[Tensor]:
        """b^l for l = 1 ... L, each of shape (N, n_l)."""
        return list(self.bias_stacks)


def _stacked(parameters: Sequence[Tensor]) -> nn.Parameter:
    stack = nn.Parameter(torch.stack([parameter.detach() for parameter in parameters]))
    for parameter, view in zip(parameters, stack.detach(), strict=True):
        parameter.data = view
    return stack
