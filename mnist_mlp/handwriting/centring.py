"""From the ink of one digit to MNIST's 28x28: its box into 20x20, its centre of mass into the middle."""

from typing import cast

import numpy as np
from PIL import Image
from scipy import ndimage

SIDE, BOX = 28, 20
FINE = 4
"""A digit's shape is decided on FINE times as many pixels as the box has, along each side."""
DECIMALS = 4
"""No half hangs on more decimals of a mean than these: versions of Pillow add up in different orders."""
SOFTNESS = 0.35
"""The standard deviation with which a digit's edge is softened, in pixels of the box: MNIST's edges are as soft."""
THINNEST, THICKEST = 2.0, 2.8
"""Strokes are made so wide at least and at most, in pixels of the box: the middle half of MNIST's lies between."""


def to_mnist(ink: np.ndarray) -> np.ndarray:
    """A digit as MNIST's makers would have made it.

    Args:
        ink: float32 (height, width), one digit alone: 0 on paper, 0.5 where it is as much ink as paper.

    Returns:
        uint8 (28, 28): 0 background, 255 ink.
    """
    shape = _with_usual_stroke(_fine_shape(ink))
    return centred(_fitted(shape))


def _fine_shape(ink: np.ndarray) -> np.ndarray:
    """The digit's shape as bool, with about FINE * BOX pixels along its longer side, and a margin around."""
    rows, columns = np.nonzero(ink > 0.5)
    longest = max(np.ptp(rows), np.ptp(columns)) + 1
    zoom = FINE * BOX / longest
    margin = int(np.ceil(FINE * 3 / zoom))
    padded = np.pad(ink.clip(0, 1), margin)
    size = round(padded.shape[1] * zoom), round(padded.shape[0] * zoom)
    how = Image.Resampling.BOX if zoom < 1 else Image.Resampling.BICUBIC
    return np.round(np.asarray(Image.fromarray(padded).resize(size, how)), DECIMALS) > 0.5


def _distances(shape: np.ndarray) -> np.ndarray:
    """How far each pixel of a shape is from the nearest one outside, in pixels; 0 outside."""
    return np.asarray(ndimage.distance_transform_edt(shape))


def stroke_width(shape: np.ndarray) -> float:
    """The typical width of the strokes of a shape, in its pixels: its area is this width times its length.

    A strip of width w has its pixels at the mean distance w / 4 from its border.
    """
    return 4 * float(_distances(shape)[shape].mean()) - 2


def _with_usual_stroke(shape: np.ndarray) -> np.ndarray:
    """The shape, its outline moved where its strokes are thinner or thicker than most of MNIST's."""
    width = stroke_width(shape) / FINE
    move = (np.clip(width, THINNEST, THICKEST) - width) / 2 * FINE
    if move > 0.25:
        return _distances(~shape) <= move + 0.5
    if move < -0.25:
        thinner = _distances(shape) > -move + 0.5
        if np.subtract(_extent(shape), _extent(thinner)).max() < -3 * move + 1:
            return thinner
    return shape


def _extent(shape: np.ndarray) -> tuple[int, int]:
    """Height and width of the box of a shape, (0, 0) where there is none."""
    rows, columns = np.nonzero(shape)
    return (int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1) if len(rows) else (0, 0)


def _fitted(shape: np.ndarray) -> np.ndarray:
    """The shape's box scaled into 20x20 by averaging areas, its aspect kept: float32, at most (20, 20), 1 at most.

    Its edge is softened first, and what lies beyond the box then is cut off.
    """
    rows, columns = np.nonzero(shape)
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    zoom = BOX / max(bottom - top, right - left)
    size = max(1, round((right - left) * zoom)), max(1, round((bottom - top) * zoom))
    soft = ndimage.gaussian_filter(shape.astype(np.float32), SOFTNESS * FINE)
    image = Image.fromarray(np.ascontiguousarray(soft[top:bottom, left:right]))
    fitted = np.asarray(image.resize(size, Image.Resampling.BOX))
    return fitted / fitted.max()


def centred(image: np.ndarray) -> np.ndarray:
    """The image of at most (20, 20), from 0 to 1, moved by whole pixels: its centre of mass in the middle of 28x28.

    Returns:
        uint8 (28, 28).
    """
    height, width = image.shape
    y, x = cast(tuple[float, float], ndimage.center_of_mass(image))
    top = int(np.clip(round(round(SIDE / 2 - y, DECIMALS)), 0, SIDE - height))
    left = int(np.clip(round(round(SIDE / 2 - x, DECIMALS)), 0, SIDE - width))
    result = np.zeros((SIDE, SIDE), dtype=np.uint8)
    result[top : top + height, left : left + width] = np.rint(np.round(255 * image, DECIMALS))
    return result
