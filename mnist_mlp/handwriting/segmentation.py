"""Which ink belongs to which digit: pieces of ink, joined where a stroke is broken, without specks and borders."""

from functools import reduce
from typing import NamedTuple, cast

import numpy as np
from scipy import ndimage

SMALLEST_PIECE = 0.03
"""A piece of ink with less than this share of the largest one's area is a speck."""
MOST_PIECES = 200
"""Pictures with more pieces of ink are no handwritten digits; of them, the largest ones are looked at."""
SHORTEST_DIGIT = 0.4
"""A group of pieces is a digit where it is at least this share of the tallest group's height."""
PART = 0.55
"""A piece that is less tall than this share of its neighbour can be a part of it."""

BROKEN = 3.0
"""A stroke is broken for less than so many times its width."""
THICKEST_STROKE = 0.2
"""What touches the border and is thicker, as a share of the picture's longest side, is no stroke."""


class Piece(NamedTuple):
    """Some ink.

    Attributes:
        labels: The numbers of its connected components.
        box: left, top, right, bottom; right and bottom are the first column and row without it.
        area: In pixels.
    """

    labels: tuple[int, ...]
    box: tuple[int, int, int, int]
    area: int

    @property
    def height(self) -> int:
        """In pixels."""
        return self.box[3] - self.box[1]

    @property
    def width(self) -> int:
        """In pixels."""
        return self.box[2] - self.box[0]


class Segments(NamedTuple):
    """The ink of a picture by digits.

    Attributes:
        labels: int32 (height, width), the number of the connected component of each pixel of ink, or 0.
        digits: A piece for each digit, in reading order.
        framed: Whether most of the ink touches the picture's border: a shadow, or an edge of the sheet.
    """

    labels: np.ndarray
    digits: list[Piece]
    framed: bool


def segment(ink: np.ndarray) -> Segments:
    """The digits in a picture.

    Args:
        ink: bool (height, width).
    """
    labels, count = cast(tuple[np.ndarray, int], ndimage.label(ink, structure=np.ones((3, 3))))
    pieces = _pieces(labels, count)
    inside = _without_the_border(pieces, labels)
    largest = max(pieces, key=lambda piece: piece.area, default=None)
    framed = largest is not None and largest not in inside and _thickness(labels, largest) > THICKEST_STROKE
    if sum(piece.area for piece in inside) < 0.1 * sum(piece.area for piece in pieces):
        inside = pieces
    pieces = _without_specks(inside)
    return Segments(labels, in_reading_order(_digits(_joined(pieces, _stroke(ink)))), framed)


def _thickness(labels: np.ndarray, piece: Piece) -> float:
    """The diameter of the largest disc in a component, as a share of the picture's longest side."""
    distances = cast(np.ndarray, ndimage.distance_transform_edt(labels == piece.labels[0]))
    return 2 * float(np.max(distances)) / max(labels.shape)


def _stroke(ink: np.ndarray) -> float:
    """The typical width of the strokes, in pixels: that of long strips with the same area and outline."""
    outline = ink & np.logical_not(ndimage.binary_erosion(ink))
    return 2 * float(ink.sum()) / max(1, int(outline.sum()))


def _pieces(labels: np.ndarray, count: int) -> list[Piece]:
    """One piece for each connected component."""
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    boxes = ndimage.find_objects(labels)
    return [
        Piece((i + 1,), (columns.start, rows.start, columns.stop, rows.stop), int(areas[i + 1]))
        for i, (rows, columns) in enumerate(boxes)
    ]


def _without_the_border(pieces: list[Piece], labels: np.ndarray) -> list[Piece]:
    """The pieces without those that touch the picture's border along more than a stroke's end, or are taller."""
    ring = np.concatenate([labels[0], labels[-1], labels[1:-1, 0], labels[1:-1, -1]])
    touching = np.bincount(ring, minlength=labels.max() + 1)
    tallest = max((piece.height for piece in pieces if not touching[piece.labels[0]]), default=0)
    return [
        piece
        for piece in pieces
        if not touching[piece.labels[0]]
        or (touching[piece.labels[0]] < 0.4 * piece.height and 0.6 * tallest < piece.height < 1.5 * tallest)
    ]


def _without_specks(pieces: list[Piece]) -> list[Piece]:
    """The pieces that have some share of the largest one's area, at most MOST_PIECES of them, the largest first."""
    pieces = sorted(pieces, key=lambda piece: -piece.area)[:MOST_PIECES]
    return [piece for piece in pieces if piece.area >= SMALLEST_PIECE * pieces[0].area]


def _joined(pieces: list[Piece], stroke: float) -> list[Piece]:
    """Pieces joined while two of them belong to one digit."""
    tallest = max((piece.height for piece in pieces), default=0)
    if _one_broken_digit(pieces, stroke):
        return [reduce(_union, pieces)]
    usual = float(np.median([piece.height for piece in pieces if piece.height >= PART * tallest] or [0]))
    changed = True
    while changed:
        changed = False
        joined: list[Piece] = []
        for piece in sorted(pieces, key=lambda piece: -piece.area):
            for i, other in enumerate(joined):
                if _belong_together(other, piece, usual, stroke):
                    joined[i] = _union(other, piece)
                    changed = True
                    break
            else:
                joined.append(piece)
        pieces = joined
    return pieces


def _one_broken_digit(pieces: list[Piece], stroke: float) -> bool:
    """Whether all pieces are one upright digit in three or more short strokes, each close to another one."""
    if len(pieces) < 3:
        return False
    whole = reduce(_union, pieces)
    if whole.width > whole.height or max(piece.height for piece in pieces) > 0.6 * whole.height:
        return False
    reached, rest = [pieces[0]], pieces[1:]
    while near := [p for p in rest if any(max(_gaps(p, q)) < BROKEN * stroke for q in reached)]:
        reached, rest = reached + near, [piece for piece in rest if piece not in near]
    return not rest


def _gaps(first: Piece, second: Piece) -> tuple[int, int]:
    """How far two boxes are from each other: to the side, and above each other; less than 0 where they overlap."""
    across = max(first.box[0], second.box[0]) - min(first.box[2], second.box[2])
    return across, max(first.box[1], second.box[1]) - min(first.box[3], second.box[3])


def _union(first: Piece, second: Piece) -> Piece:
    """Both as one."""
    left, top = np.minimum(first.box[:2], second.box[:2])
    right, bottom = np.maximum(first.box[2:], second.box[2:])
    box = int(left), int(top), int(right), int(bottom)
    return Piece(first.labels + second.labels, box, first.area + second.area)


def _belong_together(first: Piece, second: Piece, usual: float, stroke: float) -> bool:
    """Whether two pieces are of one digit: one is above the other, or a small one is close to another.

    Args:
        first: A piece.
        second: Another one.
        usual: The height of a digit, in pixels.
        stroke: The width of a stroke, in pixels.
    """
    across, down = _gaps(first, second)
    if max(across, down) > max(0.3 * usual, BROKEN * stroke):
        return False
    together = _union(first, second).height
    small, large = sorted((first.height, second.height))
    if -across > 0.5 * min(first.width, second.width):
        return down < stroke or (down < 0.3 * usual and together < 1.6 * usual and small < 0.6 * large)
    return small < PART * large and across < BROKEN * stroke and down < BROKEN * stroke and together < 1.3 * usual


def _digits(pieces: list[Piece]) -> list[Piece]:
    """The pieces that are tall enough to be digits beside the tallest."""
    tallest = max((piece.height for piece in pieces), default=0)
    return [piece for piece in pieces if piece.height >= SHORTEST_DIGIT * tallest]


def in_reading_order(pieces: list[Piece]) -> list[Piece]:
    """The pieces row by row from the top, and from left to right in each row.

    From left to right, each piece continues the row whose last piece stands beside it; so a row may climb or fall.
    """
    rows: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda piece: piece.box[0] + piece.box[2]):
        beside = [row for row in rows if -_gaps(row[-1], piece)[1] > 0.3 * min(row[-1].height, piece.height)]
        if beside:
            min(beside, key=lambda row: _gaps(row[-1], piece)[1]).append(piece)
        else:
            rows.append([piece])
    return [piece for row in sorted(rows, key=_middle) for piece in row]


def _middle(row: list[Piece]) -> float:
    """How far down a row stands, in pixels."""
    return sum(piece.box[1] + piece.box[3] for piece in row) / len(row)
