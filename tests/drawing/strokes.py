"""Drawings for the page: digits as strokes, and as enlarged images."""

import numpy as np
from PIL import Image

SIDE = 480
THREE = [[150, 130], [200, 95], [270, 90], [320, 125], [310, 180], [260, 215], [320, 260], [325, 330], [220, 385]]
ONE = [[240, 90], [240, 390]]


def lines_through(image, zoom, left, top):
    """A digit's middle lines as strokes of two points each, in pixels of the sheet."""
    thin = thinned(image > 100)
    rows, columns = np.nonzero(thin)
    strokes = [[[left + zoom * x, top + zoom * y]] for x, y in zip(columns.tolist(), rows.tolist(), strict=True)]
    for (stroke,), y, x in zip(strokes[:], rows, columns, strict=True):
        for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):
            if y + down < len(thin) and 0 <= x + right < thin.shape[1] and thin[y + down, x + right]:
                strokes.append([stroke, [stroke[0] + zoom * right, stroke[1] + zoom * down]])
    return strokes


def thinned(shape):
    """What remains of a shape when its outline is taken off again and again, and no stroke is broken.

    Source: Zhang and Suen, A fast parallel algorithm for thinning digital patterns, 1984.
    """
    shape = np.pad(shape, 1)
    changed = True
    while changed:
        changed = False
        for first in (True, False):
            p = [np.roll(shape, move, (0, 1)) for move in ((1, 0), (1, -1), (0, -1), (-1, -1))]
            p += [np.roll(shape, move, (0, 1)) for move in ((-1, 0), (-1, 1), (0, 1), (1, 1))]
            neighbours = np.sum(p, axis=0)
            starts = np.sum([~p[i] & p[(i + 1) % 8] for i in range(8)], axis=0)
            north, east, south, west = p[::2]
            open_sides = (
                ~(north & east & south) & ~(east & south & west)
                if first
                else ~(north & east & west) & ~(north & south & west)
            )
            taken = shape & (neighbours >= 2) & (neighbours <= 6) & (starts == 1) & open_sides
            shape = shape & ~taken
            changed |= bool(taken.any())
    return shape[1:-1, 1:-1]


def enlarged(image, zoom, left, top):
    """The ink of the sheet, uint8 (SIDE, SIDE): the image so many times as large, softly, at a place."""
    height, width = image.shape
    large = Image.fromarray(image).resize((round(width * zoom), round(height * zoom)), Image.Resampling.BICUBIC)
    sheet = Image.new("L", (SIDE, SIDE))
    sheet.paste(large, (left, top))
    ink = np.array(sheet)
    ink[[0, -1]] = ink[:, [0, -1]] = 0
    return ink
