"""Tables of pixels, as Kaggle's "Digit Recognizer" has them: `train.csv`, and `test.csv`, which has no labels."""

import re
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from mnist_mlp.data.arrays import Arrays, source_at
from mnist_mlp.data.images import IMAGE_SIZE, Source

PIXELS = IMAGE_SIZE**2
PREFIXES = ("", "mnist_")


def csv_files(path: Path) -> Source | None:
    """The images in a CSV file, or in train.csv and test.csv, or mnist_train.csv and mnist_test.csv, of a folder.

    The first line names the columns: label, and 784 pixels after it, row by row. A test.csv without labels is to be
    predicted. None for anything else.
    """
    found = [path / f"{prefix}train.csv" for prefix in PREFIXES if (path / f"{prefix}train.csv").is_file()]
    if path.suffix == ".csv" and path.is_file():
        train, test = path, None
    elif found:
        train, test = found[0], found[0].with_name(found[0].name.replace("train", "test"))
    else:
        return None
    labels = _table(train, labelled=True)[:, 0].astype(np.int64)
    if test is None or not test.is_file():
        return source_at(path, labels, lambda _: _read(train), has_test=False)
    if _header(test)[0] == "label":
        return source_at(path, labels, lambda is_train: _read(train if is_train else test))
    return source_at(path, labels, partial(_read_with_unlabelled, train, test), read_unlabelled=_reader(test))


def _read(file: Path) -> Arrays:
    table = _table(file, labelled=True)
    return Arrays(table[:, 1:], table[:, 0].astype(np.int64))


def _read_with_unlabelled(train: Path, test: Path, is_train: bool) -> Arrays:
    if is_train:
        return _read(train)
    raise ValueError(f"{test} has no labels, so that nothing can be tested on it: mnist-mlp predict predicts them")


def _reader(file: Path) -> Callable[[], np.ndarray]:
    return partial(_table, file, labelled=False)


def _header(file: Path) -> list[str]:
    with file.open(encoding="utf-8-sig", errors="replace") as lines:
        return [name.strip().strip('"') for name in lines.readline().split(",")]


def _table(file: Path, labelled: bool) -> np.ndarray:
    """The numbers of a CSV file, uint8 (n, 784) or with the label before them (n, 785).

    Raises:
        ValueError: if it has other columns, or anything in it is not an integer from 0 to 255.
    """
    header, expected = _header(file), PIXELS + labelled
    if len(header) != expected or (labelled and header[0] != "label"):
        what = "label and 784 pixels" if labelled else "784 pixels"
        raise ValueError(
            f"{file} must have the columns {what}, named in its first line; "
            f"got {len(header):,} columns, the first is {header[0]!r}"
        )
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as lines, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of no line at all, which is refused below
            table = np.loadtxt(lines, np.uint8, delimiter=",", skiprows=1, ndmin=2, comments=None)
    except ValueError as error:
        raise ValueError(f"{file} {_in_words(str(error))}") from error
    if table.size == 0 or table.shape[1] != expected:
        raise ValueError(f"{file} must have {expected} numbers in each line below its first; got {table.shape}")
    return table


def _in_words(message: str) -> str:
    """What NumPy says of a cell or a line that it cannot read; it does not count the first line, with the names."""
    if found := re.match(r"could not convert string '(.*)' to uint8 at row (\d+), column (\d+)", message):
        cell, row, column = found.groups()
        return f"must hold integers from 0 to 255; got {cell!r} in line {int(row) + 2}, column {column}"
    if found := re.match(r"the number of columns changed from (\d+) to (\d+) at row (\d+)", message):
        before, after, row = found.groups()
        return f"must have lines of one length; line {int(row) + 1} has {after} numbers, and those before it {before}"
    return f"cannot be read as CSV: {message}"
