"""From whatever holds a picture to its pixels: files of every kind, transparency, 16 bits, and what is refused."""

import io
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

Picture = str | Path | bytes | Image.Image | np.ndarray
Box = tuple[int, int, int, int]
"""left, top, right, bottom, in pixels of the original picture as one sees it; right and bottom do not belong to it."""

LONGEST_SIDE = 480
"""Larger pictures are averaged down to it, in pixels: no step looks closer."""
ONE_COLOUR = 24.0
"""What is opaque has one colour where all but a few of its pixels are as close to the median, in grey values."""
MOST_PIXELS = 89_478_485
"""Pillow's own limit: a picture with more of them is taken for a decompression bomb."""


class Pixels(NamedTuple):
    """A picture as the other steps work on it.

    Attributes:
        colours: uint8 (height, width, 3), or (height, width, 1) where the picture is grey.
        scale: How many of the original's pixels one pixel is long: (horizontally, vertically).
    """

    colours: np.ndarray
    scale: tuple[float, float]


def read_picture(picture: Picture, region: Box | None = None) -> Pixels:
    """The pixels of a picture, upright, with transparency replaced by paper.

    Args:
        picture: A file's name, a file's bytes, a PIL image of any mode, or an array (height, width) or (height, width,
            channels) with 1, 2, 3 or 4 channels: grey, grey and alpha, RGB, RGBA. An array of uint8 is taken as it is;
            others, as pictures of 16 and 32 bits, are stretched from their least to their greatest value.
        region: The part that is wanted; by default all.

    Raises:
        ValueError: if it is not a picture, is broken, or is too large.
    """
    if isinstance(picture, np.ndarray):
        return _pixels(_without_transparency(_array_image(picture).crop(region)))
    if isinstance(picture, Image.Image):
        upright = ImageOps.exif_transpose(_checked_size(picture)).crop(region)
        return _pixels(_without_transparency(_eight_bit(upright)))
    name = "these bytes" if isinstance(picture, bytes | bytearray) else str(picture)
    if not isinstance(picture, str | Path | bytes | bytearray):
        raise ValueError(f"a picture is a file's name, bytes, a PIL image or an array; got {type(picture).__name__}")
    if not isinstance(picture, bytes | bytearray) and not Path(picture).is_file():
        raise ValueError(f"{name} is not a file: give the name of a picture")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file = Image.open(io.BytesIO(picture) if isinstance(picture, bytes | bytearray) else picture)
            with file:
                original = _checked_size(file).size
                share = min(1.0, LONGEST_SIDE / max(original))
                if region is None:  # a large JPEG is decoded at a fraction of its size
                    file.draft(None, (round(share * original[0]), round(share * original[1])))
                ratio = max(original) / max(file.size)
                image = _eight_bit(ImageOps.exif_transpose(file).crop(region))
    except (OSError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise ValueError(f"{name} cannot be read as a picture: {str(error).splitlines()[0]}") from error
    pixels = _pixels(_without_transparency(image))
    return Pixels(pixels.colours, (pixels.scale[0] * ratio, pixels.scale[1] * ratio))


def _checked_size(image: Image.Image) -> Image.Image:
    """The image, if it has at least one pixel and not too many of them."""
    width, height = image.size
    if not 0 < width * height <= MOST_PIXELS:
        raise ValueError(f"a picture must have 1 to {MOST_PIXELS:,} pixels; got {width} x {height}: scale it down")
    return image


def _eight_bit(image: Image.Image) -> Image.Image:
    """The image in mode L, LA, RGB or RGBA."""
    if image.mode in ("L", "LA", "RGB", "RGBA"):
        return image.convert("LA" if image.mode == "L" else "RGBA") if "transparency" in image.info else image
    if image.mode[0] in "IF":
        return Image.fromarray(_stretched(np.asarray(image)))
    if image.mode in ("1", "La", "RGBa", "PA") or "transparency" in image.info:
        return image.convert({"1": "L", "La": "LA"}.get(image.mode, "RGBA"))
    return image.convert("RGB")


def _array_image(array: np.ndarray) -> Image.Image:
    """An array as an image of 8 bits."""
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or channels not in (1, 2, 3, 4) or array.size == 0:
        raise ValueError(f"an array must be (height, width) or (height, width, 1 to 4 channels); got {array.shape}")
    if array.dtype.kind not in "buif":
        raise ValueError(f"an array must hold numbers; got {array.dtype}")
    values = array if array.dtype == np.uint8 else _stretched(array)
    return _checked_size(Image.fromarray(values[:, :, 0] if array.ndim == 3 and channels == 1 else values))


def _stretched(array: np.ndarray) -> np.ndarray:
    """The values as uint8, the least of them 0 and the greatest 255; all 0 where they are the same."""
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("a picture's values must be finite; got inf or nan")
    values -= values.min()
    return np.rint(values * (255 / (values.max() or 1))).astype(np.uint8)


def _without_transparency(image: Image.Image) -> Image.Image:
    """The image in mode L or RGB, its transparent pixels as paper.

    Where all that is opaque has one colour, the drawing is the opacity itself, whatever the colour: white ink on
    nothing is a drawing too. Else paper is what most of the opaque pixels are.
    """
    if image.mode not in ("LA", "RGBA"):
        return image
    alpha = image.getchannel("A")
    opacity = np.asarray(alpha)
    colours = image.convert("RGB" if image.mode == "RGBA" else "L")
    if opacity.min() == 255:
        return colours
    opaque = np.asarray(colours)[opacity > 127].reshape(-1, len(colours.getbands()))
    median = np.median(opaque, axis=0) if len(opaque) else np.zeros(1)
    if len(opaque) == 0 or np.percentile(np.abs(opaque - median).max(axis=1), 99.8) < ONE_COLOUR:
        return alpha
    most = tuple(int(value) for value in median)
    paper = Image.new(colours.mode, image.size, most if len(most) == 3 else most[0])
    paper.paste(colours, mask=alpha)
    return paper


def _pixels(image: Image.Image) -> Pixels:
    """The pixels of an image of mode L or RGB, not more than LONGEST_SIDE along a side."""
    colours = np.asarray(image)
    return averaged(Pixels(colours[:, :, None] if colours.ndim == 2 else colours, (1.0, 1.0)), LONGEST_SIDE)


def averaged(pixels: Pixels, longest: int) -> Pixels:
    """The picture averaged down to a longest side in pixels; itself where it has no more."""
    height, width, channels = pixels.colours.shape
    factor = max(height, width) / longest
    if factor <= 1:
        return pixels
    size = max(1, round(width / factor)), max(1, round(height / factor))
    image = Image.fromarray(pixels.colours[:, :, 0] if channels == 1 else pixels.colours)
    small = np.asarray(image.resize(size, Image.Resampling.BOX, reducing_gap=2)).reshape(size[1], size[0], channels)
    return Pixels(small, (pixels.scale[0] * width / size[0], pixels.scale[1] * height / size[1]))
