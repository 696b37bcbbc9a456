"""The multilayer perceptron as a `torch.nn.Module`."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from mnist_mlp.activations import ACTIVATIONS
from mnist_mlp.costs import cost_named
from mnist_mlp.initializers import initializer_named


class MLP(nn.Module):
    """A fully connected feedforward network: a^l = sigma(w^l a^{l-1} + b^l).

    Calling it returns the last weighted input z^L (the logits); `predict_proba` returns a^L, and `loss` the
    cost of z^L. Layer l of the book is `layers[l - 1]`, an `nn.Linear` with a weight (n_l, n_{l-1}) and a
    bias (n_l,).

    Args:
        sizes: The number of neurons of each layer, the inputs first and the outputs last: two numbers are a
            network without hidden layer.
        activation: The activation of all hidden layers, or a list with one for each.
        cost: quadratic, mse, cross_entropy or binary_cross_entropy.
        initializer: large, scaled, xavier, he, pytorch, normal(std) or uniform(bound).
        output_activation: For the costs quadratic and mse, any activation, by default sigmoid; regression
            wants identity.
        dropout: The probability with which a hidden neuron is dropped while training, in [0, 1).
        input_dropout: The same for an input.

    Raises:
        ValueError: if an argument is not one of these.

    Source: Nielsen, ch. 2, eq. (25); dropout: Srivastava et al., 2014, with 1/(1 - p) applied while training.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str | Sequence[str] = "relu",
        cost: str = "cross_entropy",
        initializer: str = "he",
        output_activation: str | None = None,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.sizes = _checked_sizes(sizes)
        self.activations = _checked_activations(activation, num_hidden=len(self.sizes) - 2)
        self.cost = cost_named(cost, output_activation)
        self.dropout = _checked_probability("dropout", dropout)
        self.input_dropout = _checked_probability("input_dropout", input_dropout)
        self.layers = nn.ModuleList(
            nn.utils.skip_init(nn.Linear, n_in, n_out) for n_in, n_out in zip(self.sizes, self.sizes[1:], strict=False)
        )
        initialize = initializer_named(initializer)
        with torch.no_grad():
            for weight, bias in zip(self.weights, self.biases, strict=True):
                initialize(weight, bias)
        self.register_buffer("one_hot_rows", torch.eye(self.sizes[-1]), persistent=False)

    @property
    def weights(self) -> list[Tensor]:
        """w^l for l = 1 ... L, each of shape (n_l, n_{l-1})."""
        return [layer.get_parameter("weight") for layer in self.layers]

    @property
    def biases(self) -> list[Tensor]:
        """b^l for l = 1 ... L, each of shape (n_l,)."""
        return [layer.get_parameter("bias") for layer in self.layers]

    def forward(self, x: Float[Tensor, "batch n_0"]) -> Float[Tensor, "batch n_L"]:
        """The weighted input z^L of the last layer for a batch of inputs.

        Raises:
            ValueError: if x does not have the shape (batch, n_0).
        """
        if x.dim() != 2 or x.shape[1] != self.sizes[0]:
            raise ValueError(
                f"inputs must have the shape (batch, {self.sizes[0]}); got {tuple(x.shape)}: "
                "flatten images with x.flatten(1)"
            )
        a = F.dropout(x, self.input_dropout, self.training)
        for layer, activation in zip(self.layers[:-1], self.activations, strict=True):
            z = layer(a)
            a = F.dropout(ACTIVATIONS[activation].function(z), self.dropout, self.training)
        return self.layers[-1](a)

    def predict_proba(self, x: Float[Tensor, "batch n_0"]) -> Float[Tensor, "batch n_L"]:
        """The output activation a^L: with softmax, probabilities that sum to 1."""
        return self.cost.output_activation(self(x))

    def loss(
        self, z: Float[Tensor, "batch n_L"], targets: Int[Tensor, "batch"] | Float[Tensor, "batch n_L"]
    ) -> Float[Tensor, ""]:
        """The cost C of the weighted inputs z^L, on the scale that `mnist_mlp.costs` states.

        Args:
            z: What `forward` returned.
            targets: Class labels in 0 ... n_L - 1, or the values y themselves, of the shape of z.

        Raises:
            ValueError: if the shapes do not fit each other, or a label is out of range.
        """
        return self.cost.value(z, self.targets_as_values(targets, like=z))

    def targets_as_values(
        self, targets: Int[Tensor, "batch"] | Float[Tensor, "batch n_L"], like: Float[Tensor, "batch n_L"]
    ) -> Float[Tensor, "batch n_L"]:
        """The values y: one-hot rows where the targets are labels, else the targets themselves.

        Raises:
            ValueError: as `loss` does; broadcasting never hides a shape that does not fit.
        """
        if not targets.is_floating_point() and targets.shape == like.shape[:1]:
            try:
                return torch.index_select(self.get_buffer("one_hot_rows"), 0, targets).to(like.dtype)
            except IndexError:
                raise ValueError(
                    f"labels must lie in 0 ... {self.sizes[-1] - 1}; "
                    f"got {targets.min().item()} ... {targets.max().item()}"
                ) from None
        if not targets.is_floating_point() or targets.shape != like.shape:
            raise ValueError(
                f"targets must be integer labels of shape {tuple(like.shape[:1])} or floating-point values "
                f"of shape {tuple(like.shape)}; got {targets.dtype} of shape {tuple(targets.shape)}"
            )
        return targets


def _checked_sizes(sizes: Sequence[int]) -> tuple[int, ...]:
    if len(sizes) < 2 or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in sizes):
        raise ValueError(
            f"sizes must be two or more positive integers, the inputs first and the outputs last; got {list(sizes)}"
        )
    return tuple(sizes)


def _checked_activations(activation: str | Sequence[str], num_hidden: int) -> tuple[str, ...]:
    names = (activation,) * num_hidden if isinstance(activation, str) else tuple(activation)
    if len(names) != num_hidden:
        raise ValueError(
            f"activation must be one name, or a list with one for each of the {num_hidden} hidden layers; "
            f"got {len(names)}: {', '.join(names)}"
        )
    for name in (activation, *names) if isinstance(activation, str) else names:
        if name not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}; got {name!r}")
    return names


def _checked_probability(name: str, value: float) -> float:
    if not 0 <= value < 1:
        raise ValueError(f"{name} must lie in [0, 1); got {value}")
    return value
