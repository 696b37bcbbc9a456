"""`TrainedNetwork`: a network with what it needs to know of pictures, and no Trainer and no data module."""

from dataclasses import dataclass, field
from math import isqrt
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from mnist_mlp.data.images import pixels_of
from mnist_mlp.equations.activations import softmax
from mnist_mlp.handwriting import Digit, find_digits
from mnist_mlp.handwriting.centring import SIDE
from mnist_mlp.handwriting.reading import Picture
from mnist_mlp.network.mlp import MLP
from mnist_mlp.prediction.doubt import ink_of, is_text, is_uneven

UNSURE = 0.9
"""An answer with a smaller probability is unsure."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a network says of one digit.

    Attributes:
        name: The name of its class.
        probability: That of its class, in [0, 1].
        second: The name of the class that comes second.
        second_probability: That of the second.
        probabilities: Those of all classes, float32 (classes,), see `TrainedNetwork.predict_proba`.
        box: left, top, right, bottom of the digit in its picture, in pixels; right and bottom are outside.
        image: What the network saw, uint8 (28, 28): 0 background, 255 ink.
        unsure: Whether not to rely on it: its probability is less than `UNSURE`, or the picture does not look like ink
            on paper.
    """

    name: str
    probability: float
    second: str
    second_probability: float
    probabilities: np.ndarray
    box: tuple[int, int, int, int]
    image: np.ndarray
    unsure: bool


@dataclass(frozen=True, eq=False, repr=False)
class TrainedNetwork:
    """A network that was trained, and how it wants its inputs.

    Attributes:
        mlp: The network, in eval mode, float32 on the CPU.
        class_names: The names of its classes, one for each output.
        mean: Subtracted from pixels in [0, 1] ...
        std: ... which are then divided by this.
        settings: What is known of its training: `model`, `data` and `optimization` as in a run's config.yaml, `epoch`,
            `steps` (mini-batches), `best_val_acc` (a fraction), `checkpoint` (its path). Plain numbers, strings, lists,
            dicts and None.

    Raises:
        ValueError: if there is not one name for each output, or the inputs are not a square of 28 pixels or more.
    """

    mlp: MLP
    class_names: tuple[str, ...]
    mean: float = 0.0
    std: float = 1.0
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        inputs, outputs = self.mlp.sizes[0], self.mlp.sizes[-1]
        if len(self.class_names) != outputs or outputs < 2:
            raise ValueError(
                f"a network must have 2 or more outputs and a name for each; got {outputs} outputs and "
                f"{len(self.class_names)} names"
            )
        if self.image_size**2 != inputs or self.image_size < SIDE:
            raise ValueError(
                f"a network for pictures must have {SIDE}x{SIDE} inputs, or those of a larger square; got {inputs}"
            )

    def __repr__(self) -> str:
        source = f", from {path}" if (path := self.settings.get("checkpoint")) else ""
        return f"TrainedNetwork({self.mlp.extra_repr()}, classes {', '.join(self.class_names)}{source})"

    @property
    def image_size(self) -> int:
        """Height and width of the images that it was trained with, in pixels."""
        return isqrt(self.mlp.sizes[0])

    def inputs(self, images: np.ndarray | Tensor) -> Float[Tensor, "n pixels"]:
        """Images as the network was trained with them: normalized, and padded below and at the right.

        Args:
            images: Of shape (n, 28, 28) or (n, 784), or larger where `image_size` is; 0 is the background. Integers
                from 0 to 255, or floating-point values in [0, 1].

        Returns:
            float32 of shape (n, image_size ** 2).

        Raises:
            ValueError: if the shape or the values are others.
        """
        pixels = pixels_of(images)
        shape, sides = tuple(pixels.shape), (SIDE, self.image_size)
        side = next((side for side in sides if shape[1:] in ((side, side), (side**2,))), 0)
        if not side or not len(pixels):
            raise ValueError(
                f"images must have the shape (n, {SIDE}, {SIDE}) or (n, {SIDE**2}), n at least 1; got {shape}"
            )
        added = self.image_size - side
        return F.pad(pixels.view(-1, side, side), (0, added, 0, added)).flatten(1).sub_(self.mean).div_(self.std)

    def predict_proba(self, images: np.ndarray | Tensor) -> Float[Tensor, "n classes"]:
        """The probability of each class, for images as `inputs` takes them.

        With softmax, the outputs. The outputs of other networks estimate the probability of each class by itself:
        sigmoid with its cross-entropy, and any output that was trained with a squared cost towards 0 and 1. They are
        cut to [0, 1], and divided by their sum where it is more than 1. Where it is less, what is missing to 1 is the
        probability that the image shows none of the classes: to divide there would make a guess look sure.

        Raises:
            ValueError: if the images are none, see `inputs`.
        """
        with torch.no_grad():
            a = self.mlp.predict_proba(self.inputs(images))
        if self.mlp.cost.output_activation is softmax:
            return a
        a = a.clamp(0, 1)
        return a / a.sum(dim=1, keepdim=True).clamp(min=1)

    def predict(self, picture: Picture) -> list[Prediction]:
        """What the digits in a picture are, in reading order.

        Args:
            picture: A file's name or bytes, a PIL image or an array, as `mnist_mlp.handwriting.find_digits` takes it.

        Returns:
            None where nothing was found, and where it must be a page of text (`mnist_mlp.prediction.doubt`).

        Raises:
            ValueError: if it is not a picture, is broken, or is too large.
        """
        digits = find_digits(picture)
        if not digits:
            return []
        probabilities = self.predict_proba(np.stack([digit.image for digit in digits]))
        unsure = (probabilities.max(dim=1).values < UNSURE).tolist()
        ink = ink_of(picture)
        if is_text(ink, unsure):
            return []
        doubtful = is_uneven(ink)
        return [
            self._prediction(digit, row, is_unsure or doubtful)
            for digit, row, is_unsure in zip(digits, probabilities, unsure, strict=True)
        ]

    def _prediction(self, digit: Digit, row: Float[Tensor, "classes"], unsure: bool) -> Prediction:
        """The answer for a digit with these probabilities."""
        first, second = row.topk(2).indices.tolist()
        guesses = self.class_names[first], row[first].item(), self.class_names[second], row[second].item()
        return Prediction(*guesses, row.numpy(), digit.box, digit.image, unsure)
