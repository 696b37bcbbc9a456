"""What is paper and what is ink: the paper is estimated and subtracted, and what remains is decided on.

The paper's colour is a robust quadratic surface, then a smoothed mean of what is not ink. The difference from it is
projected onto the colour of the ink, and the ink's sign, dark on light or light on dark, is the one with the longer
tail: ink is a small share of a page and far from its colour. All of this is our choice; MNIST's makers had binary
scans.
"""

from itertools import product

import numpy as np
from PIL import Image
from scipy import ndimage

SMOOTHING = 0.1
"""The standard deviation with which the paper is smoothed, as a share of the longest side."""
NOISES = 5.0
"""Ink differs from the paper by at least so many standard deviations of the paper's noise."""
CLOSE = 0.08
"""Looked at closely, ink is thinner than this share of the longest side."""
FEWEST_ROWS = 60
"""Paper with fewer rows of pixels has no lines that could be told from strokes."""
COARSE = 80
"""The smoothed mean is computed on so many pixels along the longest side, at most."""
THRESHOLD = 0.42
"""The threshold is at most this share of what strong ink differs from the paper."""
STEEPEST = 0.12
"""The lines of ruled paper climb or fall by at most this share of the way."""
FANNED = 1.2
"""Lines fan out where the medians of the rows differ so many times as much, in their variance."""
FAINTEST = 6.0
"""Ink differs from the paper by at least so many grey values of 255."""


def ink_strength(colours: np.ndarray, closely: bool = False) -> np.ndarray:
    """How much ink lies on each pixel.

    Args:
        colours: (height, width, channels), from 0 to 255.
        closely: Whether the paper is what the closest surroundings are, not one sheet in one light: then shadows and
            edges of the sheet are paper too, and so is ink that is thicker than CLOSE of the longest side.

    Returns:
        float32 (height, width): 0 on paper, 0.5 where it is as much ink as paper, about 1 in the middle of a stroke;
        all 0 where nothing stands out of the paper.
    """
    pixels = colours.astype(np.float32)
    if closely:
        return _in_units_of_ink(_without_ruling(_top_hat(pixels)))
    paper = _quadratic_surface(pixels)
    signed = _along_the_ink(pixels - paper)
    ink = np.abs(signed) > _floor(signed, 3)
    paper = _smoothed_where(pixels, np.logical_not(ndimage.binary_dilation(ink)), paper)
    return _in_units_of_ink(_without_ruling(_along_the_ink(pixels - paper)))


def ink_of_a_clean_drawing(colours: np.ndarray) -> np.ndarray | None:
    """How much ink lies on each pixel of a drawing on paper of one flat colour, as programs save it.

    Args:
        colours: uint8 (height, width, channels).

    Returns:
        As `ink_strength`: the distance from the paper's colour, divided by that of strong ink. None where the
        border is not all of one colour, or less than half of the picture has it.
    """
    paper = colours[0, 0]
    border = (colours[0], colours[-1], colours[:, 0], colours[:, -1])
    if any((side != paper).any() for side in border) or (colours == paper).all(axis=2).mean() < 0.5:
        return None
    distances = np.sqrt(((colours.astype(np.float32) - paper) ** 2).sum(axis=2))
    ink = distances[distances > FAINTEST]
    return distances / (2 * THRESHOLD * float(np.percentile(ink, 90)) if len(ink) else np.inf)


def _top_hat(pixels: np.ndarray) -> np.ndarray:
    """How much darker, or lighter, each pixel is than all that surrounds it closely, (height, width).

    The closing of a picture fills what is dark and thinner than its window, its opening what is light (Serra, 1982).
    The sign of ink is that of the longer tail of the difference from the surroundings' mean: the gaps between strokes
    differ less from it than the strokes.
    """
    size = 2 * round(CLOSE * max(pixels.shape[:2]) / 2) + 1
    grey = ndimage.gaussian_filter(pixels.mean(axis=2), 0.7)
    if ((grey - ndimage.uniform_filter(grey, size)) ** 3).sum() < 0:
        grey = -grey
    hat = grey - ndimage.grey_opening(grey, (size, size))
    return hat - np.median(hat)


def _without_ruling(signed: np.ndarray) -> np.ndarray:
    """The ink without the lines of ruled or squared paper, (height, width)."""
    return _without_level_lines(_without_level_lines(signed).T).T


def _without_level_lines(signed: np.ndarray) -> np.ndarray:
    """The ink without straight lines that cross the whole picture, about level.

    What more than half of a row's pixels have in common, and of its pixels in both margins too, is the paper's. It is
    taken off where at least two rows far from each other are lines, and most rows are none.
    """
    height, width = signed.shape
    if min(height, width) < FEWEST_ROWS:
        return signed
    rows, columns = _rows_along_lines(signed), np.arange(width)
    sheared = signed[rows, columns]
    margin = width // 8
    least = _floor(signed, NOISES) / 2
    levels = np.median(sheared, axis=1)
    if (levels > least).sum() < 2:
        return signed
    margins = sheared[:, :margin], sheared[:, -margin:]
    levels = np.minimum(levels, np.min([np.median(part, axis=1) for part in margins], axis=0))
    lines = levels > least
    starts = lines & ~np.roll(lines, 1)
    if starts.sum() < 2 or lines.mean() > 0.5:
        return signed
    result = signed.copy()
    # slightly crooked lines reach into the rows beside them
    levels = ndimage.maximum_filter1d(np.where(lines, levels, 0), 3)
    result[rows, columns] = sheared - levels[:, None]
    return result


def _rows_along_lines(signed: np.ndarray) -> np.ndarray:
    """For each row the pixel's row in each column, int (height, width), along the picture's lines.

    Their slope, at most STEEPEST, is the one at which the medians of the rows differ most. Seen from the side, lines
    fan out: the slope changes by at most STEEPEST from the middle of the picture to its top, if that is clearly better.
    """
    height, width = signed.shape
    y, some = np.arange(height)[:, None], np.arange(0, width, max(1, width // 16))

    def rows(lines: np.ndarray, columns: np.ndarray) -> np.ndarray:
        slope, fanning = lines[..., None, None, 0], lines[..., None, None, 1]
        slopes = slope + fanning * (1 - 2 * y / height)
        return (y + np.rint(slopes * (columns - width / 2)).astype(int)) % height

    def best(slopes: np.ndarray, fannings: np.ndarray) -> tuple[np.ndarray, float]:
        lines = np.array([*product(slopes, fannings)])
        spreads = np.median(signed[rows(lines, some), some], axis=2).var(axis=1)
        return lines[np.argmax(spreads)], float(spreads.max())

    slopes, fannings = np.linspace(-STEEPEST, STEEPEST, 13), np.linspace(-STEEPEST, STEEPEST, 7)
    level, spread = best(slopes, np.zeros(1))
    fanned, larger = best(slopes[::2], fannings)
    if larger > FANNED * spread:
        near = np.array([-0.02, 0, 0.02])
        level = best(fanned[0] + near, fanned[1] + near)[0]
    return rows(level, np.arange(width))


def _quadratic_surface(pixels: np.ndarray) -> np.ndarray:
    """The paper as a polynomial of degree 2 in x and y for each channel, (height, width, channels).

    Fitted to at most some thousand pixels by least squares, again and again without those far from it.
    """
    height, width, channels = pixels.shape
    y, x = np.linspace(-1, 1, height, dtype=np.float32), np.linspace(-1, 1, width, dtype=np.float32)
    step = max(1, round((height * width / 4000) ** 0.5))
    rows, columns = np.meshgrid(y[::step], x[::step], indexing="ij")
    terms = np.stack([rows**0, rows, columns, rows * columns, rows**2, columns**2], axis=-1).reshape(-1, 6)
    values = pixels[::step, ::step].reshape(-1, channels)
    centre = np.median(values, axis=0)
    residual = np.abs(values - centre).max(axis=1)
    coefficients = np.zeros((6, channels), dtype=np.float32)
    coefficients[0] = centre
    for _ in range(5):
        near = residual <= max(2.5 * float(np.median(residual)), 4.0)
        ridge = 1e-3 * len(values) * np.diag([0, 1, 1, 1, 1, 1]).astype(np.float32)
        fitted = terms[near]
        coefficients = np.linalg.solve(fitted.T @ fitted + ridge, fitted.T @ values[near])
        residual = np.abs(values - terms @ coefficients).max(axis=1)
    c = coefficients[:, None, None, :]
    rows, columns = y[:, None, None], x[None, :, None]
    return c[0] + rows * (c[1] + columns * c[3] + rows * c[4]) + columns * (c[2] + columns * c[5])


def _smoothed_where(pixels: np.ndarray, is_paper: np.ndarray, surface: np.ndarray) -> np.ndarray:
    """The surface, corrected by the smoothed mean of what the paper's pixels differ from it.

    What is smooth needs few pixels: it is computed on at most COARSE of them along each side.
    """
    height, width = is_paper.shape
    factor = max(1.0, max(height, width) / COARSE)
    coarse = max(1, round(width / factor)), max(1, round(height / factor))
    rest = (pixels - surface) * is_paper[:, :, None]
    layers = [is_paper.astype(np.float32), *np.moveaxis(rest, 2, 0)]
    smooth = [
        ndimage.gaussian_filter(_resized(layer, coarse, Image.Resampling.BOX), SMOOTHING * max(coarse), truncate=2.5)
        for layer in layers
    ]
    correction = [
        _resized(layer / (smooth[0] + 0.02), (width, height), Image.Resampling.BILINEAR) for layer in smooth[1:]
    ]
    return surface + np.stack(correction, axis=2)


def _resized(values: np.ndarray, size: tuple[int, int], how: Image.Resampling) -> np.ndarray:
    """Values (height, width) on a grid of another size, given as (width, height)."""
    return np.asarray(Image.fromarray(np.ascontiguousarray(values)).resize(size, how))


def _along_the_ink(difference: np.ndarray) -> np.ndarray:
    """The difference from the paper projected onto the main colour of what differs most, positive where it is ink.

    Args:
        difference: (height, width, channels).

    Returns:
        (height, width), in grey values.
    """
    channels = difference.shape[2]
    if channels == 1:
        signed = difference[:, :, 0]
    else:
        flat = difference.reshape(-1, channels)
        squares = (flat**2).sum(axis=1)
        far = flat[squares >= np.partition(squares, int(0.97 * len(squares)))[int(0.97 * len(squares))]]
        direction = np.linalg.eigh(far.T @ far)[1][:, -1]
        signed = difference @ direction.astype(np.float32)
    centred = signed - np.median(signed)
    return signed if (centred**3).sum() >= 0 else -signed


def _noise(signed: np.ndarray) -> float:
    """The standard deviation of the paper's noise, from the median absolute deviation."""
    return 1.4826 * float(np.median(np.abs(signed - np.median(signed))))


def _floor(signed: np.ndarray, noises: float) -> float:
    """The least difference that can be ink: beyond the noise, if anything is."""
    return max(min(noises * _noise(signed), 0.4 * float(np.percentile(signed, 99.5))), FAINTEST)


def _in_units_of_ink(signed: np.ndarray) -> np.ndarray:
    """The difference divided by that of a stroke's middle, so that 0.5 is the threshold."""
    floor = _floor(signed, NOISES)
    above = signed[signed > floor]
    if len(above) == 0:
        return np.zeros_like(signed)
    threshold = max(floor, min(_otsu(above), THRESHOLD * float(np.percentile(above, 90))))
    return (signed / (2 * threshold)).clip(0, None)


def _otsu(values: np.ndarray) -> float:
    """The threshold that splits values into two classes with the least variance within them (Otsu, 1979)."""
    counts, edges = np.histogram(values, bins=64, range=(0, float(values.max())))
    middles = (edges[1:] + edges[:-1]) / 2
    below, sums = np.cumsum(counts), np.cumsum(counts * middles)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1 + np.nanargmax(np.where(above > 0, between, 0))])
