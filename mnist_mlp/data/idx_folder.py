"""A folder in which MNIST's IDX files lie flat, packed or not."""

from functools import partial
from pathlib import Path

import numpy as np

from mnist_mlp.data.arrays import Arrays, readable, source_at
from mnist_mlp.data.idx_files import idx_names, parse_idx, unpacked
from mnist_mlp.data.images import Source

KINDS = ("images-idx3-ubyte", "labels-idx1-ubyte")


def idx_folder(path: Path) -> Source | None:
    """The images in `train-images-idx3-ubyte` and its three kin, or None where this is something else.

    A dot may stand for the hyphen before idx, as in the first archives, and `.gz` at the end.
    """
    if not path.is_dir() or _file(path, "train", KINDS[0]) is None:
        return None
    return source_at(path, _array(path, "train", KINDS[1]), partial(_read, path))


def _file(path: Path, part: str, kind: str) -> Path | None:
    return next((path / name for name in idx_names(f"{part}-{kind}") if (path / name).is_file()), None)


def _array(path: Path, part: str, kind: str) -> np.ndarray:
    file = _file(path, part, kind)
    if file is None:
        raise ValueError(f"{path} has no {part}-{kind}, packed or not: put it beside the other IDX files")
    with readable(file, "an IDX file"):
        return parse_idx(unpacked(bytearray(file.read_bytes()))).numpy()


def _read(path: Path, train: bool) -> Arrays:
    return Arrays(*(_array(path, "train" if train else "t10k", kind) for kind in KINDS))
