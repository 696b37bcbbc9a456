"""Images and their classes, whatever they came from."""

from typing import NamedTuple

from jaxtyping import Int64, UInt8
from torch import Tensor

IMAGE_SIZE = 28  # height and width of MNIST's images, in pixels


class LabelledImages(NamedTuple):
    """Images and their classes, in the order of the file.

    Attributes:
        images: Grey values, 0 is the background, 255 the ink.
        labels: Classes in 0 ... 9.
    """

    images: UInt8[Tensor, "n pixels"]
    labels: Int64[Tensor, "n"]
