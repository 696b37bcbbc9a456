"""Pictures of handwriting, drawn from scikit-learn's digits."""

import io

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

PIXELS, LABELS = load_digits(return_X_y=True)
IMAGES = np.reshape(PIXELS, (-1, 8, 8))


def ink(label, side=120):
    """A digit's ink, float (side, side): 0 on paper, 1 in a stroke."""
    image = IMAGES[list(LABELS).index(label)] / 16
    large = Image.fromarray(np.pad(image, 1).astype(np.float32)).resize((side, side), Image.Resampling.BICUBIC)
    return (np.asarray(large) > 0.5).astype(float)


def page(*placed, size=(300, 400), paper: np.ndarray | float = 200.0, dark=60.0, noise=1.0):
    """Grey values, float size, of a page with digits on it: each (label, left, top) or (label, left, top, side).

    The noise, a standard deviation in grey values, makes it no clean drawing.
    """
    strength = np.zeros(size)
    for label, left, top, *side in placed:
        drawn = ink(label, *side)
        strength[top : top + len(drawn), left : left + len(drawn)] += drawn
    return paper + strength * (dark - np.asarray(paper)) + np.random.default_rng(0).normal(0, noise, size)


def image_of(grey):
    """A grey image of mode L."""
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))


def file_of(image, kind="PNG", **settings):
    """The bytes of an image's file."""
    file = io.BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()


def overlap(one, other):
    """The ink that two images of (28, 28) share, of the ink of either; one may be moved by a pixel."""
    shifts = [np.roll(other, (down, right), axis=(0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return max(float(np.minimum(one, moved).sum(dtype=int) / np.maximum(one, moved).sum(dtype=int)) for moved in shifts)
