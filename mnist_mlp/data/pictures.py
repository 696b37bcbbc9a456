"""A picture, of whatever size and kind, as an image of 28x28."""

from pathlib import Path

import numpy as np
from PIL import Image

from mnist_mlp.data.images import IMAGE_SIZE
from mnist_mlp.handwriting.finding import find_digits
from mnist_mlp.handwriting.reading import read_picture


def as_image(picture: Path | bytes, name: str) -> np.ndarray:
    """A picture as the network takes it.

    A picture of 28x28 pixels is taken as it is, in grey. Of another one, what is written in it is found, scaled and
    centred as `mnist-mlp predict` does it (`mnist_mlp.handwriting.find_digits`); of several things, the largest.

    Args:
        picture: A file, or what a file holds.
        name: What the picture is called, for the message.

    Returns:
        uint8 (28, 28): 0 background, 255 ink.

    Raises:
        ValueError: if it is not a picture, or is broken, or nothing stands out of its paper.
    """
    try:
        colours = read_picture(picture).colours
    except ValueError as error:
        raise ValueError(f"{name} is not a picture that can be learned from: {error}") from error
    if colours.shape[:2] == (IMAGE_SIZE, IMAGE_SIZE):
        return colours[:, :, 0] if colours.shape[2] == 1 else np.asarray(Image.fromarray(colours).convert("L"))
    found = find_digits(colours)
    if not found:
        raise ValueError(f"{name} is empty: nothing stands out of its paper; take it away")
    return max(found, key=lambda digit: _area(*digit.box)).image


def _area(left: int, top: int, right: int, bottom: int) -> int:
    return (right - left) * (bottom - top)
