"""When what was found in a picture is no handwriting: a photo, a page of text.

A network has to answer with one of its classes, and is often sure of what is none of them. What helps: handwriting
stands on paper, its digits are in few pieces, and a page full of them is read well. The limits were set beside 404 real
pictures of handwriting.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
from scipy import ndimage

from mnist_mlp.handwriting.finding import FAR
from mnist_mlp.handwriting.paper import ink_strength
from mnist_mlp.handwriting.reading import Picture, averaged, read_picture
from mnist_mlp.handwriting.segmentation import SMALLEST_PIECE

UNEVEN = 0.08
"""Paper is uneven from here on, as a share of the ink: that of 1.5 % of the real pictures is, and of most photos."""
MOST_PIECES = 30
"""So many pieces of ink are one digit, at most. Of the real ones, 99 % are in 4 or fewer, and none in more than 14."""
MANY = 10
"""A picture in which so many digits were found, or more, may be a page of text ..."""
MOST_UNSURE = 1 / 3
"""... and is one, where more than this share of them is unsure. Of real pages of digits at most 30 % are."""


def ink_of(picture: Picture) -> np.ndarray:
    """How much ink there is, float32 (height, width), as one sees a picture from afar: 0 paper, 1 ink."""
    return ink_strength(averaged(read_picture(picture), FAR).colours)


def is_uneven(ink: np.ndarray) -> bool:
    """Whether a picture does not look like ink on paper, once its paper was estimated and taken off.

    Measured is the standard deviation of what is no ink, nor within two pixels of it; ink itself is 1.
    """
    paper = ink[np.logical_not(ndimage.binary_dilation(ink > 0.5, iterations=2))]
    return float(np.std(paper)) > UNEVEN if len(paper) else False


def is_text(ink: np.ndarray, unsure: Sequence[bool]) -> bool:
    """Whether a picture is a page of text, which is taken for one digit in many pieces, or for many unsure digits.

    Args:
        ink: How much ink there is.
        unsure: For each digit that was found, whether the network is unsure what it is.
    """
    labels, _ = cast(tuple[np.ndarray, int], ndimage.label(ink > 0.5, structure=np.ones((3, 3))))
    areas = np.bincount(labels.ravel())[1:]
    pieces = int(np.sum(areas >= SMALLEST_PIECE * max(areas, default=0)))
    return pieces > MOST_PIECES * len(unsure) or (len(unsure) >= MANY and sum(unsure) > MOST_UNSURE * len(unsure))
