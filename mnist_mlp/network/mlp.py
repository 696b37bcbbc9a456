"""The multilayer perceptron as a `torch.nn.Module`."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from mnist_mlp.equations.activations import ACTIVATIONS, Activation, softmax
from mnist_mlp.equations.backprop import feedforward
from mnist_mlp.equations.costs import Cost, cost_named
from mnist_mlp.equations.initializers import initializer_named
from mnist_mlp.equations.penalties import PENALTIES
from mnist_mlp.network.autograd_functions import ManualCost, ManualFeedforward, ManualPenalty
from mnist_mlp.network.dropout import dropped, mask_for
from mnist_mlp.network.input_checks import check_batch, check_inputs, check_targets
from mnist_mlp.network.precision import at_least_float32
from mnist_mlp.plain_values import plain
from mnist_mlp.torch_internals import all_modules_have_hooks, is_plain_linear, is_traced

GRADIENTS = ("autograd", "manual")


class MLP(nn.Module):
    """A fully connected feedforward network: a^l = sigma(w^l a^{l-1} + b^l).

    Calling it returns the last weighted input z^L (the logits); `predict_proba` returns a^L, and `loss` the
    cost of z^L, in float32 or better. Layer l of the book is `layers[l - 1]`, an `nn.Linear` with a weight
    (n_l, n_{l-1}) and a bias (n_l,).

    Whatever listens to a layer, replaces it, or wraps its weight is honoured: hooks, pruning, parametrizations,
    quantization. The layers are then called one by one, and autograd makes their gradients; so it is where the network
    is traced, by `torch.compile`, `torch.export` or `torch.func`.

    Args:
        sizes: The number of neurons of each layer, the inputs first and the outputs last: two numbers are a
            network without hidden layer.
        activation: For all hidden layers a name of `mnist_mlp.equations.ACTIVATIONS`, or a list with one for each.
        cost: quadratic, mse, cross_entropy, binary_cross_entropy or another name of `mnist_mlp.equations.costs`.
        initializer: For all layers a name of `mnist_mlp.equations.INITIALIZERS`, normal(std) or uniform(bound), or a
            list with one for each.
        output_activation: For the costs quadratic and mse, any activation, by default sigmoid; regression
            wants identity.
        dropout: The probability with which a hidden neuron is dropped while training, in [0, 1).
        input_dropout: The same for an input.
        gradients: "autograd", or "manual" for the hand-written equations of `mnist_mlp.equations.backprop`. Parameters,
            checkpoints and results are the same; second derivatives need autograd.

    Raises:
        ValueError: if an argument is not one of these.

    Source: Nielsen, ch. 2, eq. (25); dropout: Srivastava et al., 2014, with 1/(1 - p) applied while training.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str | Sequence[str] = "relu",
        cost: str = "cross_entropy",
        initializer: str | Sequence[str] = "he",
        output_activation: str | None = None,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        gradients: str = "autograd",
    ) -> None:
        super().__init__()
        if gradients not in GRADIENTS:
            raise ValueError(f"gradients must be one of {', '.join(GRADIENTS)}; got {gradients!r}")
        self.gradients = gradients
        self.sizes = _checked_sizes(sizes)
        self.activations = _checked_activations(activation, num_hidden=len(self.sizes) - 2)
        self.cost = cost_named(cost, output_activation)
        self.dropout = _checked_probability("dropout", dropout)
        self.input_dropout = _checked_probability("input_dropout", input_dropout)
        self.layers = nn.ModuleList(
            nn.utils.skip_init(nn.Linear, n_in, n_out, device=torch.get_default_device())
            for n_in, n_out in zip(self.sizes, self.sizes[1:], strict=False)
        )
        names = _one_for_each("initializer", initializer, len(self.layers), "layers")
        with torch.no_grad():
            for name, weight, bias in zip(names, self.weights, self.biases, strict=True):
                initializer_named(name)(weight, bias)

    @property
    def weights(self) -> list[Tensor]:
        """w^l for l = 1 ... L, each of shape (n_l, n_{l-1}), as the layers use it: pruned, or parametrized.

        Raises:
            ValueError: if a layer was replaced by one without.
        """
        return self._of_each_layer("weight")

    @property
    def biases(self) -> list[Tensor]:
        """b^l for l = 1 ... L, each of shape (n_l,), as the layers use it.

        Raises:
            ValueError: if a layer was replaced by one without.
        """
        return self._of_each_layer("bias")

    def _of_each_layer(self, name: str) -> list[Tensor]:
        tensors: list[Any] = [getattr(layer, name, None) for layer in self.layers]
        for l, tensor in enumerate(tensors):
            if not isinstance(tensor, Tensor):
                raise ValueError(
                    f"every layer must have a tensor {name!r} for this; layers[{l}] is a "
                    f"{type(self.layers[l]).__name__} without: put an nn.Linear there"
                )
        return tensors

    @property
    def has_plain_layers(self) -> bool:
        """Whether each layer is an `nn.Linear` of the size in `sizes`, with parameters of its own and no hook.

        The equations may then be applied to the parameters, at once and without calling the layers.
        """
        return not all_modules_have_hooks() and all(
            is_plain_linear(layer, n_in, n_out)
            for layer, n_in, n_out in zip(self.layers, self.sizes, self.sizes[1:], strict=False)
        )

    def forward(self, x: Float[Tensor, "batch n_0"]) -> Float[Tensor, "batch n_L"]:
        """The weighted input z^L of the last layer for a batch of inputs.

        Raises:
            ValueError: if x is empty, not finite, not floating-point, or of a shape, dtype or device that does not
                fit the parameters. Nothing is refused where x is traced: see `mnist_mlp.torch_internals.is_traced`.
        """
        if is_traced(x):
            return self._through_layers(x, F.dropout)
        if not self.has_plain_layers:
            check_batch(x, getattr(self.layers[0], "in_features", None))
            return self._through_layers(x, dropped)
        weights, biases = self.weights, self.biases
        check_inputs(x, weights, biases)
        masks = self.dropout_masks(x)
        if self.gradients == "manual":
            return ManualFeedforward.apply(x, self.sigmas, masks, *weights, *biases)
        return feedforward(x, weights, biases, self.sigmas, masks)[0]

    def _through_layers(self, x: Tensor, drop: Callable[[Tensor, float], Tensor]) -> Tensor:
        """z^L by calling the layers, whatever they are; autograd makes their gradients."""
        a = x
        sigmas = [*self.sigmas, ACTIVATIONS["identity"]]
        for layer, sigma, p in zip(self.layers, sigmas, self.dropout_probabilities, strict=True):
            a = sigma.function(layer(drop(a, p) if p and self.training else a))
        return a

    @property
    def sigmas(self) -> list[Activation]:
        """The activation of each hidden layer."""
        return [ACTIVATIONS[name] for name in self.activations]

    @property
    def dropout_probabilities(self) -> list[float]:
        """For the input of each layer the probability with which an element is dropped while training."""
        return [self.input_dropout, *[self.dropout] * (len(self.layers) - 1)]

    def dropout_masks(self, x: Float[Tensor, "batch n_0"]) -> list[Tensor | None]:
        """For the input of each layer 0 with the probability p and 1/(1 - p) else, or None where none is dropped."""
        return [
            mask_for(x, width, p) if p and self.training else None
            for width, p in zip(self.sizes, self.dropout_probabilities, strict=False)
        ]

    def extra_repr(self) -> str:
        """What it is in a few words, such as 784-100-10 sigmoid."""
        return f"{'-'.join(map(str, self.sizes))} {' '.join(dict.fromkeys(self.activations))}".rstrip()

    @torch.no_grad()
    def predict_proba(self, x: Float[Tensor, "batch n_0"] | np.ndarray) -> Float[Tensor, "batch n_L"]:
        """The output activation a^L, without a graph: probabilities with softmax (they sum to 1), and with sigmoid."""
        if isinstance(x, np.ndarray):
            x = torch.from_numpy(x).to(self.weights[0] if x.dtype.kind == "f" else self.weights[0].device)
        return self.cost.output_activation(self(x))

    def loss(
        self, z: Float[Tensor, "batch n_L"], targets: Int[Tensor, "batch"] | Float[Tensor, "batch n_L"]
    ) -> Float[Tensor, ""]:
        """The cost C of the weighted inputs z^L, on the scale that `mnist_mlp.equations.costs` states.

        Args:
            z: What `forward` returned.
            targets: Class labels in 0 ... n_L - 1, integers or bool; with one output 0 and 1. Or the values y
                themselves, of the shape of z: one-hot rows, smoothed or mixed labels, or what a regression aims at.

        Raises:
            ValueError: if the shapes do not fit each other, or a label is out of range (on the CPU; CUDA asserts).
        """
        z = at_least_float32(z)
        y = self.targets_as_values(targets, like=z)
        return ManualCost.apply(z, y, self.cost) if self._by_hand(z) else self.cost.value(z, y)

    def _by_hand(self, x: Tensor) -> bool:
        """Whether gradients are made by hand, which is only where x is not traced."""
        return self.gradients == "manual" and not is_traced(x)

    def output_error(
        self, z: Float[Tensor, "batch n_L"], targets: Int[Tensor, "batch"] | Float[Tensor, "batch n_L"]
    ) -> Float[Tensor, "batch n_L"]:
        """delta^L = dC/dz^L by hand (BP1), for targets as in `loss`; in the dtype of z."""
        precise = at_least_float32(z)
        return self.cost.output_error(precise, self.targets_as_values(targets, like=precise)).to(z.dtype)

    def l1_penalty(self, strength: float) -> Float[Tensor, ""]:
        """strength sum |w| over all weights, not biases; Nielsen's lambda/n sum |w| has the strength lambda/n."""
        return self._penalty("l1", strength)

    def l2_penalty(self, strength: float) -> Float[Tensor, ""]:
        """strength/2 sum w^2 over all weights, not biases; Nielsen's lambda/(2n) sum w^2 has the strength lambda/n."""
        return self._penalty("l2", strength)

    def _penalty(self, name: str, strength: float) -> Float[Tensor, ""]:
        weights = self.weights
        if self._by_hand(weights[0]):
            return ManualPenalty.apply(PENALTIES[name], strength, *weights)
        return PENALTIES[name].value(weights, strength)

    def penalized(self, cost: Float[Tensor, ""], l1_strength: float, l2_strength: float) -> Float[Tensor, ""]:
        """The cost plus the penalties whose strength is not 0."""
        if l1_strength:
            cost = cost + self.l1_penalty(l1_strength)
        if l2_strength:
            cost = cost + self.l2_penalty(l2_strength)
        return cost

    def targets_as_values(
        self, targets: Int[Tensor, "batch"] | Float[Tensor, "batch n_L"], like: Float[Tensor, "batch n_L"]
    ) -> Float[Tensor, "batch n_L"]:
        """The values y: one-hot rows where the targets are labels, else the targets themselves, in the dtype of `like`.

        Where there is one output, labels are 0 and 1, and so is y; but with softmax, whose one output is always 1.

        Raises:
            ValueError: as `loss` does; broadcasting never hides a shape that does not fit.
        """
        check_targets(targets, like)
        if not targets.is_floating_point() and targets.shape == like.shape[:1]:
            rows = _values_of_labels(self.cost, like)
            try:
                return torch.index_select(rows, 0, targets.long())
            except IndexError:
                raise ValueError(
                    f"labels must lie in 0 ... {len(rows) - 1}; got {targets.min().item()} ... {targets.max().item()}"
                ) from None
        if not targets.is_floating_point() or targets.shape != like.shape:
            raise ValueError(
                f"targets must be integer labels of shape {tuple(like.shape[:1])} or floating-point values "
                f"of shape {tuple(like.shape)}; got {targets.dtype} of shape {tuple(targets.shape)}"
            )
        return targets.to(like.dtype)


def _values_of_labels(cost: Cost, like: Float[Tensor, "batch n_L"]) -> Float[Tensor, "labels n_L"]:
    """The values y of each label, one label in each row."""
    rows = torch.eye(like.shape[1], dtype=like.dtype, device=like.device)
    if len(rows) == 1 and cost.output_activation is not softmax:
        return torch.cat([torch.zeros_like(rows), rows])
    return rows


def _checked_sizes(sizes: Sequence[int]) -> tuple[int, ...]:
    sizes = plain(sizes)
    if len(sizes) < 2 or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in sizes):
        raise ValueError(
            f"sizes must be two or more positive integers, the inputs first and the outputs last; got {list(sizes)}"
        )
    return tuple(sizes)


def _checked_activations(activation: str | Sequence[str], num_hidden: int) -> tuple[str, ...]:
    names = _one_for_each("activation", activation, num_hidden, "hidden layers")
    for name in (activation, *names) if isinstance(activation, str) else names:
        if name not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}; got {name!r}")
    return names


def _one_for_each(name: str, value: str | Sequence[str], number: int, what: str) -> tuple[str, ...]:
    value = plain(value)
    names = (value,) * number if isinstance(value, str) else tuple(value)
    if len(names) != number:
        raise ValueError(
            f"{name} must be one name, or a list with one for each of the {number} {what}; "
            f"got {len(names)}: {', '.join(names)}"
        )
    return names


def _checked_probability(name: str, value: float) -> float:
    value = plain(value)
    if not 0 <= value < 1:
        raise ValueError(f"{name} must lie in [0, 1); got {value}")
    return value
