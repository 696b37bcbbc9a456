"""What is MNIST, whatever it came in: told by its pixels and labels, not by its name."""

import hashlib
from collections.abc import Sequence

import torch

from mnist_mlp.data.images import DIGITS, LabelledImages, Source

MNIST_SUMS = {
    60_000: "f6df1131ebd1f670df947aa6d12ecd18",
    10_000: "c96757a4180a626e1737cfdf4690742f",
}
"""The sums of its training and its test images, see `md5_in_any_order`, by their number."""


def md5_in_any_order(data: LabelledImages) -> str:
    """The MD5 sum of the sorted MD5 sums of all images, each with its label behind it as one more byte."""
    rows = torch.cat([data.images, data.labels[:, None].to(torch.uint8)], dim=1).numpy()
    sums = sorted(hashlib.md5(row, usedforsecurity=False).digest() for row in rows)
    return hashlib.md5(b"".join(sums), usedforsecurity=False).hexdigest()


def name_of(source: Source, parts: Sequence[LabelledImages]) -> str:
    """What images are called: mnist, if they are MNIST's, else by the name of their source.

    MNIST's images in another order, as folders of pictures have them, are MNIST: then others of its training images
    validate. Kaggle's are not: they are all 70,000, split in another way.

    Args:
        source: What they came from. A file or folder that is called mnist, and isn't, is said not to be.
        parts: What was read of it.
    """
    if source.path is None:
        return source.name
    if source.class_names == DIGITS and all(_is_mnist(part) for part in parts):
        return "mnist"
    return f"{source.name} (not MNIST)" if "mnist" in source.name.lower() else source.name


def _is_mnist(data: LabelledImages) -> bool:
    known = MNIST_SUMS.get(len(data.labels))
    return known is not None and md5_in_any_order(data) == known
