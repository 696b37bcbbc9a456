"""Images and their classes, whatever they came from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

IMAGE_SIZE = 28  # height and width of MNIST's images, in pixels
DIGITS = tuple("0123456789")  # the names of MNIST's classes


class LabelledImages(NamedTuple):
    """Images and their classes, in the order of the file.

    Attributes:
        images: Grey values, 0 is the background, 255 the ink.
        labels: Classes in 0 ... k - 1, which `Source.class_names` names.
    """

    images: UInt8[Tensor, "n pixels"]
    labels: Int64[Tensor, "n"]


def nothing_to_download() -> None:
    """All files are there."""


@dataclass(frozen=True)
class Source:
    """Where images come from: a data set that has a name, or a path.

    Attributes:
        name: That of the data set, or of the file or folder.
        class_names: The name of each of the k classes.
        read: Reads its training images (True) or its test images (False), 28x28 each.
        download: Fetches the files that are missing.
        path: The file or folder, or None for a data set by its name, whose files are verified.
        val_size: How many of the last training images it sets aside for validation itself; None where it does not.
        read_unlabelled: Reads images without classes, which are to be predicted; None where it has none.
    """

    name: str
    class_names: tuple[str, ...]
    read: Callable[[bool], LabelledImages]
    download: Callable[[], None] = nothing_to_download
    path: Path | None = None
    val_size: int | None = None
    read_unlabelled: Callable[[], UInt8[Tensor, "n pixels"]] | None = None


def pixels_of(images: np.ndarray | Tensor) -> Float[Tensor, "*shape"]:
    """Images of any shape as pixels in [0, 1], float32 on the CPU.

    Args:
        images: Integers from 0 to 255, or floating-point values in [0, 1].

    Raises:
        ValueError: if they are no numbers, or others.
    """
    if isinstance(images, Tensor):
        images = images.detach().cpu()
        images = images.float() if images.is_floating_point() else images  # NumPy has no bfloat16
    array = np.asarray(images)
    if array.dtype.kind not in "uif":
        raise ValueError(f"images must be an array of numbers; got {array.dtype}")
    largest = 1 if array.dtype.kind == "f" else 255
    if array.size and not (array.min() >= 0 and array.max() <= largest):
        raise ValueError(
            "images must be integers from 0 to 255, or floating-point values from 0 to 1; got "
            f"{array.dtype} from {array.min()} to {array.max()}: divide by the largest value there can be"
        )
    return torch.from_numpy(array.astype(np.float32)).div_(largest)


def pixel_statistics(images: UInt8[Tensor, "n pixels"]) -> tuple[float, float]:
    """Mean and standard deviation of all pixels in [0, 1], from their histogram."""
    counts = torch.bincount(images.flatten(), minlength=256).double()
    values = torch.arange(256, dtype=torch.float64) / 255
    mean = (counts @ values / counts.sum()).item()
    return mean, (counts @ (values - mean).square() / counts.sum()).sqrt().item()
