"""Images and their classes, whatever they came from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from jaxtyping import Int64, UInt8
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
