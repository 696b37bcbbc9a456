"""When what was found in a picture is no handwriting: a photo, a page of text.

A network has to answer with one of its classes, and is often sure of what is none of them. What helps: handwriting
stands on paper, and a page full of it is read well.
"""

import numpy as np
from scipy import ndimage

from mnist_mlp.handwriting.finding import FAR
from mnist_mlp.handwriting.paper import ink_strength
from mnist_mlp.handwriting.reading import Picture, averaged, read_picture

UNEVEN = 0.08
"""Paper is uneven from here on, as a share of the ink. Real handwriting: 1.3 % of 373 pictures; photos: most."""
MANY = 10
"""A picture with so many pieces of ink, or more, may be a page of text ..."""
MOST_UNSURE = 1 / 3
"""... and is one, where more than this share of them is unsure. Of 4 real pages of digits at most 30 % are."""


def is_uneven(picture: Picture) -> bool:
    """Whether a picture does not look like ink on paper, once its paper was estimated and taken off.

    Measured is the standard deviation of what is no ink, nor within two pixels of it; ink itself is 1.
    """
    ink = ink_strength(averaged(read_picture(picture), FAR).colours)
    paper = ink[np.logical_not(ndimage.binary_dilation(ink > 0.5, iterations=2))]
    return len(paper) == 0 or float(np.std(paper)) > UNEVEN


def is_page_of_text(unsure: list[bool]) -> bool:
    """Whether too much of what was found is unsure for a page of digits.

    Args:
        unsure: For each piece of ink, whether the network is unsure what it is.
    """
    return len(unsure) >= MANY and sum(unsure) > MOST_UNSURE * len(unsure)
