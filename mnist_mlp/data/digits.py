"""scikit-learn's digits, drawn as MNIST's were; they come with the package and need no file."""

from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.nn import functional as F

from mnist_mlp.data.images import DIGITS, IMAGE_SIZE, LabelledImages, Source
from mnist_mlp.handwriting.centring import to_mnist

BOX_SIDE = 20
DIGITS_TEST_SIZE = 360
INK = 1 / 32  # half of the faintest grey that scikit-learn's digits have; what is less is noise


def digits_source(data_dir: Path) -> Source:
    """scikit-learn's digits; the folder is not needed."""
    return Source("digits", DIGITS, read_digits)


def read_digits(train: bool) -> LabelledImages:
    """scikit-learn's 1,797 handwritten digits, drawn like MNIST's; they are not MNIST.

    They are the test set of UCI's "Optical Recognition of Handwritten Digits", sorted by writer. A fixed
    permutation mixes them; then the last 360 are the test set. So the same writers stand on both sides, unlike
    MNIST's, and accuracies come out optimistic.
    """
    from sklearn.datasets import load_digits

    pixels, classes = load_digits(return_X_y=True)
    small = torch.from_numpy(pixels).float().reshape(-1, 8, 8) / 16
    order = torch.randperm(len(small), generator=torch.Generator().manual_seed(0))
    images, labels = draw_like_mnist(small)[order], torch.from_numpy(classes).long()[order]
    part = slice(None, -DIGITS_TEST_SIZE) if train else slice(-DIGITS_TEST_SIZE, None)
    return LabelledImages(images[part], labels[part])


def draw_like_mnist(small: Tensor) -> UInt8[Tensor, "n 784"]:
    """Images scaled and placed the way MNIST was made from NIST's, as `mnist_mlp.handwriting` does it with large ones.

    Of small images the ink's bounding box is scaled, its aspect ratio kept, to fit into 20x20 pixels, and its centre of
    mass comes to lie in the middle of 28x28. Interpolation is bicubic; it softens the edges, which makes them reach a
    pixel or two beyond the box.

    Args:
        small: Grey values in [0, 1], shape (n, side, side), of any side. What is fainter than INK is paper.

    Raises:
        ValueError: if an image has no ink.
    """
    small = torch.where(small < INK, 0, small)
    if (empty := small.amax(dim=(1, 2)) == 0).any():
        raise ValueError(f"each image must have ink; image {int(empty.int().argmax())} of {len(small)} has none")
    if small.shape[-1] > BOX_SIDE:  # bicubic interpolation would miss the pixels between those it looks at
        return torch.stack([torch.from_numpy(to_mnist(image.numpy())).flatten() for image in small])
    n, side = len(small), small.shape[-1]
    column_mass, row_mass = small.sum(dim=1), small.sum(dim=2)
    extent = torch.maximum(_extent(column_mass), _extent(row_mass))
    pixel_centres = torch.arange(side) + 0.5
    mass = small.sum(dim=(1, 2))
    centre_x, centre_y = column_mass @ pixel_centres / mass, row_mass @ pixel_centres / mass

    # affine_grid maps an output coordinate to an input coordinate, both in units of half an image.
    zoom = (IMAGE_SIZE / side) * (extent / BOX_SIDE)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = zoom
    theta[:, 0, 2], theta[:, 1, 2] = centre_x / (side / 2) - 1, centre_y / (side / 2) - 1
    grid = F.affine_grid(theta, [n, 1, IMAGE_SIZE, IMAGE_SIZE], align_corners=False)
    drawn = F.grid_sample(small[:, None], grid, mode="bicubic", align_corners=False)
    return (drawn.clamp(0, 1) * 255).round().to(torch.uint8).flatten(1)


def _extent(profile: Tensor) -> Tensor:
    """The distance from the first to the last pixel with ink, per row of (n, side), in pixels."""
    ink = (profile > 0).int()
    return profile.shape[1] - ink.argmax(dim=1) - ink.flip(1).argmax(dim=1)
