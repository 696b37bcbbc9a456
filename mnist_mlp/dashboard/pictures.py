"""Pictures of a network and of what it gets right and wrong, as arrays of bytes.

Each has the shape (height, width, 3), red, green and blue from 0 to 255. They are drawn while a network is trained, and
so with Pillow alone, in milliseconds.
"""

from collections.abc import Callable, Sequence
from math import ceil
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torchvision.utils import make_grid

from mnist_mlp.console.percent import percent

Picture = UInt8[np.ndarray, "height width 3"]

BLUE, WHITE, RED = (33, 102, 172), (247, 247, 247), (178, 24, 43)
BLACK, GREY, LIGHT = (40, 40, 40), (150, 150, 150), (225, 225, 225)
LARGEST_GRID = 100  # neurons whose weights are drawn
ZOOM = 3  # how many pixels wide a pixel of a digit is drawn
LONGEST_NAME = 160  # of a class in the confusion matrix, in pixels
# TensorBoard shows a picture some 340 pixels wide, whatever its own width: captions have to be legible then.
CAPTIONED_WIDTH = 480  # pixels
CAPTION, CAPTION_LINE = 18, 20  # the height of its letters and of a line, in pixels
WIDEST_TILE = 116  # pixels


def diverging(values: Float[Tensor, "*shape"], largest: float) -> UInt8[Tensor, "*shape 3"]:
    """Blue where a value is -largest or less, white at 0, red at largest or more."""
    share = (values / (largest or 1)).clamp(-1, 1)[..., None]
    white = torch.tensor(WHITE, dtype=values.dtype)
    end = torch.where(share < 0, torch.tensor(BLUE, dtype=values.dtype), torch.tensor(RED, dtype=values.dtype))
    return (white + (end - white) * share.abs()).round().to(torch.uint8)


def draw_weights(w: Float[Tensor, "n pixels"]) -> Picture:
    """The incoming weights of the first hundred neurons, each as an image; white is 0, and one scale is for all.

    Args:
        w: The weights of the first layer; an image is a square.
    """
    size = round(w.shape[1] ** 0.5)
    tiles = w[:LARGEST_GRID].detach().cpu().float().view(-1, size, size)
    colours = diverging(tiles, torch.quantile(tiles.abs().flatten()[:: max(1, tiles.numel() // 100_000)], 0.995).item())
    return _grid(colours, columns=min(10, len(tiles)), zoom=2)


def draw_digits(images: Float[Tensor, "n pixels"], columns: int = 10) -> Picture:
    """Images with pixels in [0, 1], side by side, dark on white."""
    return _grid(_grey(images), columns, ZOOM)


def _grid(tiles: UInt8[Tensor, "n size size 3"], columns: int, zoom: int) -> Picture:
    zoomed = tiles.repeat_interleave(zoom, 1).repeat_interleave(zoom, 2)
    return make_grid(zoomed.permute(0, 3, 1, 2), columns, pad_value=255).permute(1, 2, 0).numpy()


def _grey(images: Float[Tensor, "n pixels"]) -> UInt8[Tensor, "n size size 3"]:
    size = round(images.shape[1] ** 0.5)
    dark = ((1 - images.detach().cpu().clamp(0, 1)) * 255).to(torch.uint8)
    return dark.view(-1, size, size, 1).expand(-1, -1, -1, 3)


def draw_captioned(images: Float[Tensor, "n pixels"], captions: Sequence[str]) -> Picture:
    """Images with pixels in [0, 1], each with a caption below, whose lines are cut where they are too wide.

    Args:
        images: The images, at least one.
        captions: One for each.
    """
    digits = _grey(images).repeat_interleave(ZOOM, 1).repeat_interleave(ZOOM, 2).numpy()
    caption_height = 4 + CAPTION_LINE * max(len(caption.splitlines()) for caption in captions)
    longest = max(_font(CAPTION).getlength(line) for caption in captions for line in caption.splitlines() or [""])
    width = max(digits.shape[2] + 8, min(ceil(longest) + 4, WIDEST_TILE))
    height, columns = digits.shape[1] + caption_height + 8, max(1, CAPTIONED_WIDTH // width)
    rows = -(-len(digits) // columns)
    picture, pen = _canvas(width * min(columns, len(digits)), height * rows)
    for i, (digit, caption) in enumerate(zip(digits, captions, strict=True)):
        left, top = i % columns * width, i // columns * height
        picture.paste(Image.fromarray(digit), (left + (width - digits.shape[2]) // 2, top + 4))
        middle = (left + width / 2, top + height - caption_height / 2 - 2)
        text = "\n".join(_cut(line, width - 2, CAPTION) for line in caption.splitlines())
        pen.multiline_text(middle, text, BLACK, _font(CAPTION), anchor="mm", align="center", spacing=2)
    return np.asarray(picture)


def _cut(line: str, width: int, size: int) -> str:
    """A line of letters of this size, so much of it as is not wider than so many pixels."""
    if _font(size).getlength(line) <= width:
        return line
    while line and _font(size).getlength(line + "…") > width:
        line = line[:-1]
    return line + "…"


def count_confusions(
    labels: Int[Tensor, "n"], predicted: Int[Tensor, "n"], num_classes: int
) -> Int[Tensor, "classes classes"]:
    """How many images of each class (row) were taken for each class (column)."""
    pairs = labels * num_classes + predicted
    return torch.bincount(pairs, minlength=num_classes**2).view(num_classes, num_classes)


def draw_confusions(counts: Int[Tensor, "classes classes"], names: Sequence[str]) -> Picture:
    """The confusion matrix: what was right in blue, mistakes in red, the more the darker, each by its own scale.

    Args:
        counts: What `count_confusions` returned.
        names: Those of the classes; long ones stand upright above the columns, and very long ones are cut.
    """
    names = [_cut(name, LONGEST_NAME, 15) for name in names]
    n, cell = len(counts), 44 if len(counts) <= 20 else 30
    longest = max(_font(15).getlength(name) for name in names)
    long = longest > cell - 8
    margin = 46 if not long else 38 + ceil(longest)
    right = counts.diag().max().item() or 1
    wrong = (counts - counts.diag().diag()).max().item() or 1
    shades = (counts / wrong).sqrt()
    shades.diagonal().copy_(-0.75 * counts.diag() / right)
    colours = diverging(shades, 1.0).tolist()
    picture, pen = _canvas(margin + n * cell + 8, margin + n * cell + 8)
    pen.text((margin + n * cell / 2, 12), "predicted", BLACK, _font(15), anchor="mm")
    picture.paste(_upright("true", 80), (2, margin + n * cell // 2 - 40))
    for i, name in enumerate(names):
        centre = margin + (i + 0.5) * cell
        if long:
            picture.paste(_upright(name, margin - 30), (round(centre) - 10, 26))
            pen.text((margin - 6, centre), name, BLACK, _font(15), anchor="rm")
        else:
            pen.text((centre, 34), name, BLACK, _font(15), anchor="mm")
            pen.text((34, centre), name, BLACK, _font(15), anchor="mm")
        for j in range(n):
            count = int(counts[i, j])
            left, top = margin + j * cell, margin + i * cell
            pen.rectangle((left, top, left + cell - 2, top + cell - 2), fill=tuple(colours[i][j]))
            ink = (255, 255, 255) if abs(shades[i, j]) > 0.6 else BLACK
            if count:
                pen.text((left + cell / 2 - 1, top + cell / 2 - 1), f"{count}", ink, _font(cell // 3), anchor="mm")
    return np.asarray(picture)


def _upright(text: str, height: int) -> Image.Image:
    """A text that is read from below, in the middle of 20 by so many pixels."""
    lying, pen = _canvas(height, 20)
    pen.text((height / 2, 10), text, BLACK, _font(15), anchor="mm")
    return lying.rotate(90, expand=True)


class Calibration(NamedTuple):
    """Accuracy by confidence, in bins of equal width that [0, 1] is cut into.

    Attributes:
        share: Of all images, in each bin.
        confidence: The mean in each bin, 0 where it is empty.
        accuracy: In each bin, 0 where it is empty.
    """

    share: Float[Tensor, "bins"]
    confidence: Float[Tensor, "bins"]
    accuracy: Float[Tensor, "bins"]

    @property
    def error(self) -> float:
        """The expected calibration error: the mean difference of confidence and accuracy over all images."""
        return (self.share @ (self.accuracy - self.confidence).abs()).item()


def calibration(confidence: Float[Tensor, "n"], right: Bool[Tensor, "n"], num_bins: int = 10) -> Calibration:
    """Measure how far the confidence of a network is from its accuracy.

    Args:
        confidence: The probability of the predicted class of each image.
        right: Whether the prediction is right.
        num_bins: The number of bins.

    Source: Guo et al., On Calibration of Modern Neural Networks, 2017, eq. (2) to (5).
    """
    bins = (confidence * num_bins).ceil().long().sub(1).clamp(0, num_bins - 1)
    counts = torch.bincount(bins, minlength=num_bins).to(confidence.dtype)
    filled = counts.clamp(min=1)
    mean_confidence = torch.bincount(bins, confidence, num_bins) / filled
    accuracy = torch.bincount(bins, right.to(confidence.dtype), num_bins) / filled
    return Calibration(counts / len(confidence), mean_confidence, accuracy)


def draw_reliability(measured: Calibration) -> Picture:
    """The reliability diagram: accuracy by confidence, with the diagonal on which both are equal.

    Below each bar stands the share of the images in its bin.
    """
    share, mean_confidence, accuracy = measured
    side, left, top = 360, 56, 40
    picture, pen = _canvas(left + side + 24, top + side + 78)
    at = _axes(pen, left, top, side)
    pen.text(
        (left + side / 2, 18), f"expected calibration error {percent(measured.error)}", BLACK, _font(15), anchor="mm"
    )
    for i in range(len(share)):
        if share[i] > 0:
            low, high = i / len(share), (i + 1) / len(share)
            pen.rectangle((*at(low + 0.008, accuracy[i].item()), *at(high - 0.008, 0.0)), fill=BLUE)
            x, y = at(mean_confidence[i].item(), accuracy[i].item())
            pen.line((x, y, *at(mean_confidence[i].item(), mean_confidence[i].item())), fill=RED, width=3)
        x, y = at((i + 0.5) / len(share), 0.0)
        pen.text((x, y + 32), _percent(share[i].item()), GREY, _font(11), anchor="mm")
    pen.line((*at(0.0, 0.0), *at(1.0, 1.0)), fill=BLACK, width=1)
    pen.text(
        (left + side / 2, top + side + 54), "confidence, and the share of the images", BLACK, _font(14), anchor="mm"
    )
    return np.asarray(picture)


def _axes(pen: ImageDraw.ImageDraw, left: int, top: int, side: int) -> Callable[[float, float], tuple[float, float]]:
    """Draw axes from 0 to 1; what turns a point into pixels."""

    def at(x: float, y: float) -> tuple[float, float]:
        return left + x * side, top + (1 - y) * side

    for tick in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        pen.line((*at(0.0, tick), *at(1.0, tick)), fill=LIGHT)
        pen.text((left - 8, at(0.0, tick)[1]), f"{tick:g}", BLACK, _font(12), anchor="rm")
        pen.text((at(tick, 0.0)[0], top + side + 12), f"{tick:g}", BLACK, _font(12), anchor="mm")
    pen.text((left, top - 8), "accuracy", BLACK, _font(14), anchor="mb")
    return at


def _percent(share: float) -> str:
    return percent(share, 0) if share >= 0.01 or share == 0 else "<1 %"


def _canvas(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("RGB", (width, height), (255, 255, 255))
    return picture, ImageDraw.Draw(picture)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
