"""From a picture to the digits in it."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from mnist_mlp.handwriting.centring import BOX, SIDE, to_mnist
from mnist_mlp.handwriting.paper import ink_of_a_clean_drawing, ink_strength
from mnist_mlp.handwriting.reading import Box, Picture, Pixels, averaged, read_picture
from mnist_mlp.handwriting.segmentation import Segments, segment

FAR = 160
"""The longest side with which a picture is looked at first, in pixels; then all pixels are, if digits are small."""
SMALL = 2 * BOX
"""A digit is small where it is less tall, in pixels."""
CLOSER = 0.7
"""A part of the picture is worth another look where it is less than this share of the picture's longest side."""


@dataclass(frozen=True, eq=False)
class Digit:
    """A digit that was found.

    Attributes:
        image: uint8 (28, 28): 0 background, 255 ink.
        box: left, top, right, bottom of its ink, in pixels of the original picture as one sees it (upright); right
            and bottom are the first column and row without ink.
    """

    image: np.ndarray
    box: Box


def find_digits(picture: Picture) -> list[Digit]:
    """The digits in a picture, each as MNIST's makers would have made it, in reading order.

    What MNIST's makers did (LeCun et al., 1998, section III.A): they had binary images of digits that were cut out
    already; the box of the ink is scaled into 20x20 pixels with its aspect kept, the averaging makes it grey, and it
    is moved into 28x28 so that its centre of mass is in the middle. Yadav and Bottou (2019) reconstructed this from
    the scans. By how much the middle is rounded was measured here on MNIST's images: their centre of mass, counted
    from the middle of the first pixel, lies in [13.5, 14.5] for all of them.

    All else is our choice: how paper and ink are told apart (`mnist_mlp.handwriting.paper`), what belongs to a digit
    (`segmentation`), and that strokes thinner or thicker than MNIST's usual ones are made like them (`centring`).

    Args:
        picture: A file's name, a file's bytes, a PIL image of any mode, or an array (height, width) or (height, width,
            channels), see `mnist_mlp.handwriting.reading.read_picture`. Of an animation, the first picture. A picture
            that is made as MNIST's are, 28x28, or the same dark on light, comes back bit for bit.

    Returns:
        No digit where nothing stands out of the paper. What is found need not be a digit: this function tells ink
        from paper, and the network has to say what it is.

    Raises:
        ValueError: if it is not a picture, is broken, or has more pixels than `reading.MOST_PIXELS`.
    """
    pixels = read_picture(picture)
    digits = _found(pixels)
    region = _region_of_small_digits(digits, pixels)
    if region is None:
        return digits
    left, top = region[:2]
    closer = _found(read_picture(picture, region))
    moved = [Digit(d.image, tuple(np.add(d.box, (left, top, left, top)).tolist())) for d in closer]
    return moved if len(moved) >= len(digits) else digits


def _region_of_small_digits(digits: list[Digit], pixels: Pixels) -> Box | None:
    """Where to look again with more of the picture's pixels: around digits that are small in what was looked at."""
    if not digits or (pixels.scale == (1.0, 1.0) and ink_of_a_clean_drawing(pixels.colours) is not None):
        return None  # of a small clean drawing, all pixels were looked at
    height, width = np.multiply(pixels.colours.shape[:2], pixels.scale[::-1])
    around = float(np.median([digit.box[3] - digit.box[1] for digit in digits]))
    boxes = np.array([digit.box for digit in digits])
    left, top = np.maximum(boxes[:, :2].min(axis=0) - around, 0)
    right, bottom = np.minimum(boxes[:, 2:].max(axis=0) + around, (width, height))
    if around >= SMALL * pixels.scale[1] or max(right - left, bottom - top) > CLOSER * max(width, height):
        return None
    return int(left), int(top), int(right), int(bottom)


def _found(pixels: Pixels) -> list[Digit]:
    """The digits among the pixels of a picture."""
    image = _made_like_mnist(pixels.colours)
    if image is not None:
        return [Digit(image, _ink_box(image))]
    clean = ink_of_a_clean_drawing(pixels.colours)
    if clean is not None:
        return _digits(clean, segment(clean > 0.5), pixels.scale)
    afar = averaged(pixels, FAR)
    ink, segments = _looked_at(afar.colours)
    few = len(segments.digits) == 1 and not segments.framed and segments.digits[0].height >= SMALL
    if few or afar is pixels:
        return _digits(ink, segments, afar.scale)
    return _digits(*_looked_at(pixels.colours), pixels.scale)


def _looked_at(colours: np.ndarray) -> tuple[np.ndarray, Segments]:
    """The ink, float32 (height, width), and its segments; closely, where a shadow or an edge was taken for ink."""
    ink = ink_strength(colours)
    segments = segment(ink > 0.5)
    if segments.framed and max(ink.shape) >= FAR:
        close = ink_strength(colours, closely=True)
        again = segment(close > 0.5)
        if again.digits:
            return close, again._replace(framed=True)
    return ink, segments


def _digits(ink: np.ndarray, segments: Segments, scale: tuple[float, float]) -> list[Digit]:
    """Each of the segments as MNIST's makers would have made it."""
    found = []
    for piece in segments.digits:
        left, top, right, bottom = piece.box
        region = slice(max(0, top - 2), bottom + 2), slice(max(0, left - 2), right + 2)
        own = np.isin(segments.labels[region], piece.labels)
        alone = ink[region] * ndimage.binary_dilation(own, iterations=2, structure=np.ones((3, 3)))
        box = round(left * scale[0]), round(top * scale[1]), round(right * scale[0]), round(bottom * scale[1])
        found.append(Digit(to_mnist(alone), box))
    return found


def _made_like_mnist(colours: np.ndarray) -> np.ndarray | None:
    """The picture, uint8 (28, 28) light on dark, if its size, its box and its centre of mass are as MNIST's are."""
    if colours.shape[:2] != (SIDE, SIDE) or (colours != colours[:, :, :1]).any():
        return None
    for image in (colours[:, :, 0], 255 - colours[:, :, 0]):
        rows, columns = np.nonzero(image)
        if len(rows) == 0 or not BOX - 2 <= max(np.ptp(rows), np.ptp(columns)) < BOX:
            continue
        if np.abs(np.subtract(ndimage.center_of_mass(image), SIDE / 2)).max() <= 0.51:
            return image.copy()
    return None


def _ink_box(image: np.ndarray) -> tuple[int, int, int, int]:
    """left, top, right, bottom of what is not 0."""
    rows, columns = np.nonzero(image)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1
