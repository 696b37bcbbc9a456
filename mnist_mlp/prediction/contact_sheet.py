"""One picture of many: each original with its boxes, what the network sees in them, and what it says."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mnist_mlp.dashboard.pictures import BLACK, BLUE, GREY, LIGHT, RED
from mnist_mlp.handwriting.reading import read_picture
from mnist_mlp.prediction.answer import Answer
from mnist_mlp.prediction.table import percent
from mnist_mlp.prediction.trained_network import Prediction

MOST_PICTURES = 12
MOST_DIGITS = 12
MOST_BARS = 10
"""Of more classes than these, those with the largest probabilities are drawn."""

MARGIN = 16
ORIGINAL = (240, 150)
"""Width and height of the place for an original, in pixels."""
ZOOM = 4
SIDE = 28 * ZOOM
NAME_WIDTH, BAR_WIDTH, BAR_HEIGHT = 64, 76, 11
TILE = (SIDE + NAME_WIDTH + BAR_WIDTH + 20, SIDE + 34)
"""Width and height of a digit with its bars."""
TILES = 3
"""Digits in a row, at most."""
LEFT = 2 * MARGIN + ORIGINAL[0]
"""Where the digits begin, in pixels."""
HEADING, FOOT = 26, 30


def contact_sheet(answers: Sequence[Answer], class_names: Sequence[str]) -> Image.Image:
    """The first answers with their pictures, one below the other.

    Args:
        answers: What is said of each file.
        class_names: The names of the classes.
    """
    shown = answers[:MOST_PICTURES]
    heights = [_height(each) for each in shown]
    left_out = len(answers) - len(shown)
    width = LEFT + min(TILES, max(2, *(len(each.digits) for each in shown))) * TILE[0]
    sheet = Image.new("RGB", (width, MARGIN + sum(heights) + (FOOT if left_out else 0)), "white")
    pen, top = ImageDraw.Draw(sheet), MARGIN
    for each, height in zip(shown, heights, strict=True):
        _draw_answer(sheet, pen, each, top, class_names)
        top += height
        pen.line((MARGIN, top - MARGIN / 2, width - MARGIN, top - MARGIN / 2), fill=LIGHT)
    if left_out:
        pen.text((MARGIN, top), f"and {left_out:,} more, which are not drawn", GREY, _font(15))
    return sheet


def _height(each: Answer) -> int:
    """How much room an answer needs, in pixels."""
    return HEADING + (0 if each.problem else _room(each)) + MARGIN


def _room(each: Answer) -> int:
    """How high the place for a picture and its digits is, in pixels."""
    digits = min(len(each.digits), MOST_DIGITS)
    word = 20 if len(each.digits) > MOST_DIGITS else 0
    return max(ORIGINAL[1], -(-digits // TILES) * TILE[1] + word)


def _draw_answer(sheet: Image.Image, pen: ImageDraw.ImageDraw, each: Answer, top: int, names: Sequence[str]) -> None:
    """Draw a file's name and answer, its picture, and its digits."""
    colour = BLACK if each.digits and not each.unsure else RED
    verdict = f"{each.verdict}   {percent(each.probability)}" if each.digits else each.verdict
    file = _shortened(each.file, ORIGINAL[0], 15)
    pen.text((MARGIN, top), file, BLACK, _font(15))
    pen.text((LEFT, top), _shortened(verdict, sheet.width - LEFT - MARGIN, 15), colour, _font(15))
    top += HEADING
    if not each.problem:
        sheet.paste(_original(each), (MARGIN, top))
    for i, digit in enumerate(each.digits[:MOST_DIGITS]):
        number = f"{i + 1}:  " if len(each.digits) > 1 else ""
        place = (LEFT + i % TILES * TILE[0], top + i // TILES * TILE[1])
        _draw_digit(sheet, pen, digit, place, number, names)
    if (left_out := len(each.digits) - MOST_DIGITS) > 0:
        below = top + MOST_DIGITS // TILES * TILE[1]
        pen.text((LEFT, below), f"and {left_out:,} more digits, which are not drawn", GREY, _font(13))


def _original(each: Answer) -> Image.Image:
    """A file's picture in its place, as it was read, with a box around each digit."""
    pixels = read_picture(each.path)
    picture = Image.fromarray(pixels.colours.squeeze(2) if pixels.colours.shape[2] == 1 else pixels.colours)
    zoom = min(ORIGINAL[0] / picture.width, _room(each) / picture.height)
    size = max(1, round(picture.width * zoom)), max(1, round(picture.height * zoom))
    how = Image.Resampling.NEAREST if zoom > 2 else Image.Resampling.BICUBIC
    drawn = picture.convert("RGB").resize(size, how)
    pen = ImageDraw.Draw(drawn)
    pen.rectangle((0, 0, size[0] - 1, size[1] - 1), outline=LIGHT)
    for i, digit in enumerate(each.digits, start=1):
        corners = np.array(digit.box) / np.tile(pixels.scale, 2) * zoom
        left, top, right, bottom = np.rint(corners).astype(int).tolist()
        pen.rectangle((left - 1, top - 1, right, bottom), outline=RED if digit.unsure else BLUE, width=2)
        if len(each.digits) > 1:
            pen.text((max(left, 1), max(top - 13, 0)), str(i), RED, _font(12), stroke_width=2, stroke_fill="white")
    return drawn


def _draw_digit(
    sheet: Image.Image,
    pen: ImageDraw.ImageDraw,
    digit: Prediction,
    place: tuple[int, int],
    number: str,
    names: Sequence[str],
) -> None:
    """Draw what the network sees, and what it says as bars."""
    left, top = place
    colour = RED if digit.unsure else BLUE
    pen.text((left, top), f"{number}{digit.name}   {percent(digit.probability)}", colour, _font(14))
    top += 20
    seen = Image.fromarray(digit.image).resize((SIDE, SIDE), Image.Resampling.NEAREST)
    sheet.paste(seen.convert("RGB"), (left, top))
    largest = np.sort(np.argsort(-digit.probabilities, kind="stable")[:MOST_BARS])
    names_end = left + SIDE + NAME_WIDTH * (0.4 if all(len(name) < 3 for name in names) else 1)
    for row, k in enumerate(largest.tolist()):
        y = top + row * BAR_HEIGHT
        pen.text((names_end, y + 5), _shortened(str(names[k]), NAME_WIDTH - 6, 11), BLACK, _font(11), anchor="rm")
        pen.rectangle((names_end + 5, y + 1, names_end + 5 + BAR_WIDTH, y + 9), fill=LIGHT)
        if length := round(BAR_WIDTH * float(digit.probabilities[k])):
            filled = colour if names[k] == digit.name else GREY
            pen.rectangle((names_end + 5, y + 1, names_end + 5 + length, y + 9), fill=filled)


def _shortened(text: str, width: float, size: int) -> str:
    """The text, its beginning left out where it is wider, in pixels."""
    if _font(size).getlength(text) <= width:
        return text
    while text and _font(size).getlength("..." + text) > width:
        text = text[1:]
    return "..." + text


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
