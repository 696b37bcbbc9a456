"""Parquet files with encoded pictures, as the hubs of data sets serve them."""

import json
import re
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from mnist_mlp.data.arrays import Arrays, readable, source_at
from mnist_mlp.data.images import Source
from mnist_mlp.data.pictures import as_image

PARTS = r"(?<![a-z])(train|test|valid)"
COLUMNS = ("image", "label")


def parquet_files(path: Path) -> Source | None:
    """The pictures in a Parquet file, or in those below a folder, such as `train-00000-of-00001.parquet`.

    The column image holds a file's content, alone or in a struct as its field bytes; the column label integers, whose
    names stand in the schema where a hub has written it. A file belongs to the part that its name says, else
    that of its folder: train, test, or valid, whose pictures validate. None for anything else.

    Raises:
        ValueError: if pyarrow is not installed, or the files hold something else.
    """
    below = sorted(path.rglob("*.parquet")) if path.is_dir() else [path] if path.suffix == ".parquet" else []
    files = [file for file in below if file.is_file()]
    if not files:
        return None
    try:
        parquet = import_module("pyarrow.parquet")
    except ImportError as error:
        raise ValueError("Parquet files need pyarrow: pip install 'mnist-mlp[parquet]'") from error
    parts: dict[str, list[Path]] = {"train": [], "test": [], "valid": []}
    for file in files:
        parts[_part_of(file.relative_to(path))].append(file)
    training = parts["train"] or parts["test"]  # one file alone is all there is, whatever its name
    has_test = bool(parts["train"] and parts["test"])
    labels, validating = (_labels(parquet, each) for each in (training, parts["valid"]))
    return source_at(
        path,
        np.concatenate([labels, validating]),
        partial(_read, parquet, training + parts["valid"], parts["test"]),
        names=_class_names(parquet, training[0]),
        has_test=has_test,
        val_size=len(validating) or None,
    )


def _part_of(file: Path) -> str:
    """train, test or valid: what a word begins with in the name of a file, else in that of the nearest folder."""
    found = (re.search(PARTS, name) for name in reversed(file.parts))
    return next((named[0] for named in found if named), "train")


def _columns(parquet: Any, file: Path, *wanted: str) -> list[Any]:
    """Columns of a file, as pyarrow has them."""
    with readable(file, "a Parquet file of pictures"):
        found = parquet.read_schema(file).names
        if missing := [name for name in COLUMNS if name not in found]:
            raise ValueError(f"it lacks the column {' and '.join(missing)}, and has {', '.join(found)}")
        table = parquet.read_table(file, columns=list(wanted))
        return [table.column(name) for name in wanted]


def _labels(parquet: Any, files: list[Path]) -> np.ndarray:
    labels = [_columns(parquet, file, "label")[0].to_numpy() for file in files]
    return np.concatenate(labels) if labels else np.empty(0, dtype=np.int64)


def _class_names(parquet: Any, file: Path) -> list[str] | None:
    """The names of the classes, where the schema says them: Hugging Face's way."""
    with readable(file, "a Parquet file of pictures"):
        said = json.loads((parquet.read_schema(file).metadata or {}).get(b"huggingface", b"{}"))
        return said.get("info", {}).get("features", {}).get("label", {}).get("names")


def _read(parquet: Any, training: list[Path], test: list[Path], train: bool) -> Arrays:
    images, labels = [], []
    for file in training if train else test:
        pictures, classes = _columns(parquet, file, *COLUMNS)
        labels.append(classes.to_numpy())
        for i, picture in enumerate(pictures.to_pylist()):
            content = picture.get("bytes") if isinstance(picture, dict) else picture
            if not isinstance(content, bytes):
                raise ValueError(f"{file} must hold the content of a picture in each row; row {i + 1} has none")
            images.append(as_image(content, f"the picture in row {i + 1} of {file}"))
    return Arrays(np.stack(images), np.concatenate(labels))
