"""Arrays that somebody else wrote, made images and classes, or refused in a sentence."""

import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from mnist_mlp.data.images import IMAGE_SIZE, LabelledImages, Source

TEST_EVERY, FIRST_TEST = 7, 1  # MNIST has 7 images for each that tests; two are enough for a class to have one


class Arrays(NamedTuple):
    """Images and labels as a file holds them.

    Attributes:
        images: n of them, (n, 28, 28) or (n, 784): bytes, other numbers from 0 to 255, or fractions from 0 to 1.
        labels: (n,), integers.
    """

    images: np.ndarray
    labels: np.ndarray


@contextmanager
def readable(path: Path, kind: str) -> Iterator[None]:
    """Say in a sentence that a file cannot be read as what its name says.

    Raises:
        ValueError: instead of what is raised within.
    """
    try:
        yield
    except (ValueError, KeyError, OSError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{path} cannot be read as {kind}: {reason}") from error


def source_at(
    path: Path,
    labels: np.ndarray,
    read: Callable[[bool], Arrays],
    *,
    names: Sequence[str] | None = None,
    has_test: bool = True,
    val_size: int | None = None,
    read_unlabelled: Callable[[], np.ndarray] | None = None,
) -> Source:
    """A source of what lies at a path.

    The classes are the labels that occur among the training images, in their order: 1 to 26 become 0 to 25. Where
    images come sorted by class, a fixed permutation mixes them, so that the last of them, which validate, are of all
    classes. Where there are no test images, the second, the ninth, the sixteenth ... training image of each class
    tests, and does not train.

    Args:
        path: The file or folder.
        labels: Those of all training images.
        read: Reads the training (True) or the test images, all training images where there are no test images.
        names: The names of the classes that the labels 0, 1, ... stand for; by default the labels themselves.
        has_test: Whether there are test images.
        val_size: How many of the last training images validate, where the source says so.
        read_unlabelled: Reads images that are to be predicted.

    Raises:
        ValueError: if the labels are not two or more classes.
    """
    labels = checked_labels(labels, path)
    values = np.unique(labels) if names is None else np.arange(len(names))
    class_names = tuple(" ".join(str(name).split()) for name in (values if names is None else names))
    if len(values) < 2:
        raise ValueError(f"{path} has one class, {', '.join(class_names)}: a network learns to tell two or more apart")

    def read_checked(train: bool) -> LabelledImages:
        arrays = read(train or not has_test)
        data = labelled(arrays, values, path)
        if not has_test:
            tests = torch.from_numpy(_rank_within_class(data.labels.numpy()) % TEST_EVERY == FIRST_TEST)
            data = LabelledImages(*(part[tests != train] for part in data))
        return _mixed(data, val_size or 0) if train else data

    return Source(
        path.resolve().name,
        class_names,
        read_checked,
        path=path,
        val_size=val_size,
        read_unlabelled=read_unlabelled and (lambda: checked_images(read_unlabelled(), path)),
    )


def labelled(arrays: Arrays, values: np.ndarray, path: Path) -> LabelledImages:
    """Images and their classes.

    Args:
        arrays: What was read.
        values: The label of each class, sorted.
        path: What it was read from.

    Raises:
        ValueError: if these are no images of 28x28, or a label is none of the classes'.
    """
    images, labels = checked_images(arrays.images, path), checked_labels(arrays.labels, path)
    if len(images) != len(labels):
        raise ValueError(f"{path} must have one label for each image; got {len(images):,} and {len(labels):,}")
    classes = np.searchsorted(values, labels).clip(max=len(values) - 1)
    if (strange := labels[values[classes] != labels]).size:
        known = ", ".join(map(str, values[:30])) + (", ..." if len(values) > 30 else "")
        raise ValueError(f"{path} has images with the label {strange[0]}; the training images have {known}")
    return LabelledImages(images, torch.from_numpy(classes.astype(np.int64)))


def checked_images(images: np.ndarray, path: Path) -> UInt8[Tensor, "n pixels"]:
    """Images as bytes: numbers from 0 to 255 as they are, and from 0 to 1 times 255, whatever their type.

    Where all are multiples of 1/256 that are less than 1, they were divided by 256, and are multiplied by it.

    Raises:
        ValueError: if these are no images of 28x28.
    """
    shape = images.shape[1:]
    if images.ndim not in (2, 3) or shape not in ((IMAGE_SIZE, IMAGE_SIZE), (IMAGE_SIZE**2,)) or len(images) == 0:
        raise ValueError(
            f"{path} must hold images of 28x28 pixels, as (n, 28, 28) or (n, 784); got {images.shape}: "
            "pictures of other sizes are scaled where they lie in a folder for each class"
        )
    flat = images.reshape(len(images), -1)
    if flat.dtype.kind not in "buif":
        raise ValueError(f"{path} must hold pixels as numbers; got {flat.dtype}")
    smallest, largest = flat.min(), flat.max()
    if not 0 <= smallest <= largest <= 255:
        raise ValueError(f"{path} must hold pixels from 0 to 255, or from 0 to 1; got {smallest} ... {largest}")
    if largest <= 1:
        was_divided_by_256 = largest < 1 and not (flat * np.float32(256) % 1).any()
        flat = np.rint(flat * np.float32(256 if was_divided_by_256 else 255))
    elif flat.dtype.kind == "f" and (flat % 1).any():
        raise ValueError(f"{path} must hold pixels from 0 to 255 as whole numbers, or fractions from 0 to 1")
    return torch.from_numpy(np.ascontiguousarray(flat.astype(np.uint8)))


def checked_labels(labels: np.ndarray, path: Path) -> np.ndarray:
    """The labels, an array (n,) of integers.

    Raises:
        ValueError: if they are something else, or there are none.
    """
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or len(labels) == 0:
        raise ValueError(
            f"{path} must hold an integer for each image as its label; got {labels.dtype} of shape {labels.shape}"
        )
    return labels


def _rank_within_class(labels: np.ndarray) -> np.ndarray:
    """For each image how many of its class come before it."""
    order = np.argsort(labels, kind="stable")
    first = np.searchsorted(labels[order], labels[order])
    ranks = np.empty_like(labels)
    ranks[order] = np.arange(len(labels)) - first
    return ranks


def _mixed(data: LabelledImages, num_validating: int) -> LabelledImages:
    """The images in a fixed random order where they are sorted by class, without the last ones, which validate."""
    n = len(data.labels) - num_validating
    if (data.labels[:n].diff() < 0).any():
        return data
    order = torch.randperm(n, generator=torch.Generator().manual_seed(0))
    order = torch.cat([order, torch.arange(n, len(data.labels))])
    return LabelledImages(data.images[order], data.labels[order])
