"""Digits drawn from strokes: shapes that people write, and MNIST has hardly any of.

MNIST's digits were written in the United States in about 1990. A 1 with a flag or a foot, a crossed 7, a 9 with a hook,
a 6 with a large loop: a network that saw MNIST alone does not read them. Each shape here is some curves, whose points
are moved at random before the pen follows them. The shapes, and how much is random, are our choice.
"""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from mnist_mlp.data.images import IMAGE_SIZE, LabelledImages

Curve = list[tuple[float, float]]
Shape = list[Curve]

BOX_SIDE = 20
POINTS = 20
"""A curve is drawn through so many points between two of its own."""
JITTER = 0.04
"""The standard deviation with which a point is moved, as a share of the digit's height."""
ROTATION, SLANT, ASPECT = 0.12, 0.25, 0.25
"""The largest angle in radians, slant, and share by which a digit is wider or narrower."""
THINNEST, THICKEST = 1.7, 3.1
"""The width of the pen, in pixels."""
AT_ONCE = 100
"""So many are drawn in one go: their distances to all points of the pen's way fit into the cache."""


def _shape(line: str) -> Shape:
    """The curves of a shape, in units of the digit's height."""
    points = [[point.split(",") for point in curve.split()] for curve in line.split("|")]
    return [[(int(x) / 100, int(y) / 100) for x, y in curve] for curve in points]


# digit -> the ways to write it: curves, through points x,y in hundredths of the digit's height, y counted downwards
SHAPES: dict[int, list[Shape]] = {
    digit: [_shape(line) for line in lines]
    for digit, lines in {
        0: (
            "45,0 15,15 2,50 15,88 40,100 62,88 75,50 62,12 40,0",
            "50,5 20,10 2,50 20,95 50,100 75,70 75,30 55,2 35,10",
            "50,0 10,20 0,60 30,100 75,85 95,45 80,10 45,0",
            "30,0 10,20 5,50 12,85 30,100 47,85 55,50 47,15 30,0",
        ),
        1: (
            "0,30 35,0 | 35,0 35,50 35,100",
            "0,50 20,30 45,0 | 45,0 43,50 40,100",
            "0,25 25,15 40,0 | 40,0 38,50 35,100",
            "10,28 40,0 | 40,0 40,100 | 0,100 40,100 80,100",
            "15,15 40,0 | 40,0 40,100 | 10,100 70,100",
            "0,40 15,25 33,12 42,0 | 42,0 40,30 36,70 35,100",
            "0,15 30,0 | 30,0 30,100",
            "0,62 30,30 50,0 | 50,0 50,100",
            "0,35 25,27 50,5 | 50,0 42,50 30,100",
            "10,25 20,6 34,0 43,12 43,50 36,100",
            "0,25 18,8 40,2 | 40,2 45,45 36,100",
        ),
        2: (
            "5,25 20,5 50,2 68,20 55,50 25,80 2,100 | 2,100 40,97 80,100",
            "5,20 30,0 60,10 60,40 35,75 10,95 2,82 20,78 45,95 80,95",
            "5,10 35,0 62,10 60,35 30,70 0,100 | 0,100 75,100",
            "10,30 25,5 55,2 70,25 50,55 5,95 | 5,95 30,90 55,100 85,90",
        ),
        3: (
            "5,12 30,0 55,12 50,35 22,47 | 22,47 55,55 65,78 45,97 20,100 0,88",
            "2,2 62,2 | 62,2 27,40 | 27,40 60,50 66,80 40,100 0,92",
            "5,10 40,0 60,20 30,45 15,50 30,50 65,70 50,97 0,95",
            "2,20 20,0 55,8 52,38 28,50 58,60 60,88 30,100 2,82",
        ),
        4: (
            "10,0 6,30 3,55 | 3,55 70,53 | 55,2 55,100",
            "50,0 25,35 0,65 | 0,65 75,65 | 50,0 50,100",
            "45,0 0,62 | 0,62 70,60 | 50,35 47,100",
            "15,0 2,50 10,60 40,55 65,45 | 62,0 55,50 50,100",
            "35,0 5,45 0,60 | 0,60 30,62 75,60 | 50,20 45,100",
        ),
        5: (
            "10,2 65,0 | 10,2 7,42 | 7,42 35,35 65,55 60,85 30,100 0,92",
            "65,3 30,3 12,25 30,42 55,60 50,90 20,100 0,90",
            "35,0 70,2 | 30,2 28,35 | 28,35 60,35 75,62 55,92 20,98 0,75 5,55",
            "8,0 60,0 | 8,0 8,45 | 8,45 40,42 60,65 50,92 20,100 2,85",
            "10,5 12,25 10,45 | 10,45 40,42 60,70 35,100 0,95 | 20,0 70,-3",
        ),
        6: (
            "50,0 20,30 2,70 20,100 50,95 60,72 40,55 10,68",
            "62,8 35,0 8,25 2,65 20,97 50,97 65,75 45,55 10,62",
            "70,20 50,2 15,10 0,50 10,90 50,100 70,75 55,52 10,55",
            "30,0 8,40 2,75 22,100 50,85 45,60 20,58 3,75",
            "75,12 40,0 5,12 2,60 10,92 40,100 75,92 78,60 50,48 8,52",
        ),
        7: (
            "0,5 65,2 | 65,2 40,45 25,100",
            "0,5 65,2 | 65,2 40,45 25,100 | 12,50 62,48",
            "2,20 5,3 | 5,3 65,3 | 65,3 35,50 28,100",
            "0,8 30,8 65,0 | 65,0 50,30 20,100",
            "0,0 70,0 | 70,0 15,100",
            "0,0 60,0 | 60,0 20,100 | 15,52 65,50",
            "0,2 55,2 | 55,2 53,100",
        ),
        8: (
            "55,12 30,0 8,15 15,38 45,55 58,80 35,100 10,90 10,65 40,42 58,20 50,6",
            "30,45 8,25 30,0 52,22 30,45 | 30,45 2,75 30,100 60,75 30,45",
            "60,10 30,2 15,22 30,45 55,70 35,100 2,85 20,55 65,12",
            "60,22 55,2 35,5 35,30 42,55 30,95 3,85 15,60 50,40 62,20",
        ),
        9: (
            "55,15 30,0 5,20 15,45 40,42 57,15 | 57,10 55,50 50,100",
            "55,15 30,0 5,20 15,45 40,45 57,20 | 57,10 60,60 50,90 25,100 0,88",
            "58,12 30,0 10,22 25,45 55,30 | 58,5 62,50 60,85 35,100 2,97",
            "60,10 35,0 10,20 30,40 60,12 50,50 30,100",
            "60,20 45,0 15,10 15,35 45,40 60,20 | 60,5 68,50 60,85 35,98 10,90 0,75",
            "50,10 20,2 5,28 30,45 52,20 | 52,5 53,60 40,92 10,100 -5,90",
        ),
    }.items()
}


def drawn_digits(n: int, seed: int = 0) -> LabelledImages:
    """Digits drawn from strokes, made as MNIST was: their box is 20x20, their centre of mass in the middle of 28x28.

    Args:
        n: How many. All digits, and all shapes of a digit, are equally frequent but for one.
        seed: What their shapes are drawn from.
    """
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randperm(n, generator=generator)
    labels, turns = numbers % len(SHAPES), numbers // len(SHAPES)
    images = torch.zeros(n, IMAGE_SIZE, IMAGE_SIZE, dtype=torch.uint8)
    for digit, shapes in SHAPES.items():
        for i, shape in enumerate(shapes):
            places = torch.nonzero((labels == digit) & (turns % len(shapes) == i)).flatten()
            for some in places.split(AT_ONCE):
                images[some] = draw(shape, len(some), generator)
    return LabelledImages(images.flatten(1), labels)


def draw(shape: Shape, n: int, generator: torch.Generator) -> UInt8[Tensor, "n 28 28"]:
    """A shape drawn n times, each time in another way."""
    u = torch.rand(n, 4, generator=generator)
    width = THINNEST + (THICKEST - THINNEST) * u[:, 3]
    pen = _moved(jittered(shape, n, generator), 2 * u[:, :3] - 1)
    low, high = pen.amin(1, keepdim=True), pen.amax(1, keepdim=True)
    zoom = (BOX_SIDE - width)[:, None, None] / (high - low).amax(2, keepdim=True)
    free = BOX_SIDE - (high - low) * zoom  # the width of the pen, and what the shorter side leaves
    return _centred(ink_along((pen - low) * zoom + free / 2, width))


def jittered(shape: Shape, n: int, generator: torch.Generator) -> Float[Tensor, "n points 2"]:
    """Points along the curves of a shape, whose own points are moved; one that two curves share is moved once."""
    points = dict.fromkeys(point for curve in shape for point in curve)
    moved = {point: torch.tensor(point) + JITTER * torch.randn(n, 2, generator=generator) for point in points}
    return torch.cat([spline(torch.stack([moved[point] for point in curve], dim=1)) for curve in shape], dim=1)


def spline(points: Float[Tensor, "n k 2"]) -> Float[Tensor, "n m 2"]:
    """Points on the smooth curves through k points.

    Source: Catmull and Rom, A class of local interpolating splines, 1974.
    """
    before, after = 2 * points[:, :1] - points[:, 1:2], 2 * points[:, -1:] - points[:, -2:-1]
    extended = torch.cat([before, points, after], dim=1)
    a, b, c, d = (extended[:, i : i + points.shape[1] - 1, None] for i in range(4))
    t = torch.linspace(0, 1, POINTS)[:, None]
    curve = b + 0.5 * (t * (c - a) + t**2 * (2 * a - 5 * b + 4 * c - d) + t**3 * (3 * b - a - 3 * c + d))
    return curve.flatten(1, 2)


def _moved(points: Float[Tensor, "n points 2"], u: Float[Tensor, "n 3"]) -> Float[Tensor, "n points 2"]:
    """Each digit's points turned, slanted and stretched; u lies in [-1, 1]."""
    angle, slant, aspect = ROTATION * u[:, :1], SLANT * u[:, 1:2], 1 + ASPECT * u[:, 2:]
    x, y = points[..., 0] * aspect - points[..., 1] * slant, points[..., 1]
    return torch.stack([angle.cos() * x - angle.sin() * y, angle.sin() * x + angle.cos() * y], dim=-1)


def ink_along(pen: Float[Tensor, "n points 2"], width: Float[Tensor, "n"]) -> Float[Tensor, "n 20 20"]:
    """How much ink lies on each pixel of the box: 1 nearer to the pen's way than half its width, 0 a pixel further."""
    pixels = torch.arange(BOX_SIDE) + 0.5
    squares = (pen[..., None] - pixels).square()
    distance = (squares[:, :, 1, :, None] + squares[:, :, 0, None, :]).amin(1).sqrt()
    return (width[:, None, None] / 2 - distance + 0.5).clamp(0, 1)


def _centred(ink: Float[Tensor, "n 20 20"]) -> UInt8[Tensor, "n 28 28"]:
    """The boxes moved by whole pixels, so that their centre of mass is in the middle."""
    pixels = torch.arange(BOX_SIDE) + 0.5
    middle = torch.stack([ink.sum(2) @ pixels, ink.sum(1) @ pixels], dim=1) / ink.sum((1, 2))[:, None]
    corner = (IMAGE_SIZE / 2 - middle).round().long().clamp(0, IMAGE_SIZE - BOX_SIDE)
    rows, columns = (corner[:, :, None] + torch.arange(BOX_SIDE)).unbind(1)
    images = torch.zeros(len(ink), IMAGE_SIZE, IMAGE_SIZE)
    images[torch.arange(len(ink))[:, None, None], rows[:, :, None], columns[:, None]] = ink
    return (255 * images).round().to(torch.uint8)
