"""Keras's `mnist.npz`, and other files of its kind."""

import zipfile
from functools import partial
from pathlib import Path

import numpy as np

from mnist_mlp.data.arrays import Arrays, readable, source_at
from mnist_mlp.data.images import Source

KEYS = ("x_train", "y_train", "x_test", "y_test")


def npz_file(path: Path) -> Source | None:
    """The images in a file `.npz` with the arrays x_train, y_train, x_test and y_test, or None for another file."""
    if path.suffix != ".npz" or not path.is_file():
        return None
    (labels,) = _arrays(path, "y_train")
    return source_at(path, labels, partial(_read, path))


def _arrays(path: Path, *keys: str) -> list[np.ndarray]:
    with readable(path, "an archive of NumPy arrays"), path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise ValueError("it is no ZIP file")
        file.seek(0)
        with np.load(file, allow_pickle=False) as archive:  # an array of objects could hold code
            found = list(archive)
            if missing := [key for key in KEYS if key not in found]:
                raise ValueError(f"it lacks {', '.join(missing)}, and has {', '.join(found) or 'nothing'}")
            return [archive[key] for key in keys]


def _read(path: Path, train: bool) -> Arrays:
    return Arrays(*_arrays(path, *(KEYS[:2] if train else KEYS[2:])))
