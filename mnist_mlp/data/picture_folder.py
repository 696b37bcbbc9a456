"""A folder with a folder of pictures for each class, such as `letters/a/1.png`; or two such folders, train and test."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from mnist_mlp.data.arrays import Arrays, source_at
from mnist_mlp.data.images import Source
from mnist_mlp.data.pictures import as_image

VALIDATION = ("val", "valid", "validation")
FEWEST = 2  # training pictures of a class

Pictures = list[tuple[Path, int]]


def picture_folder(path: Path) -> Source | None:
    """The pictures in the folders of a folder, which name their classes; None where there are no such folders.

    Where there are folders train and test, these hold the classes' folders, and maybe a folder val, whose pictures
    validate. Folders whose names are numbers are classes in the order of these numbers, others in that of the alphabet.
    """
    inner = _folders(path) if path.is_dir() else []
    if not inner:
        return None
    parts = {folder.name: folder for folder in inner}
    has_test = {"train", "test"} <= parts.keys()
    training = parts["train"] if has_test else path
    names = _class_names(training)
    pictures, validating = _pictures(training, names), []
    if small := [name for i, name in enumerate(names) if sum(label == i for _, label in pictures) < FEWEST]:
        raise ValueError(
            f"{training / small[0]} must hold at least {FEWEST} pictures: with one alone, none is left for the test"
        )
    if has_test:
        validating = [each for name in VALIDATION if name in parts for each in _pictures(parts[name], names)]
    read = partial(_read, pictures + validating, parts.get("test") if has_test else None, names)
    labels = np.array([label for _, label in pictures + validating])
    return source_at(path, labels, read, names=names, has_test=has_test, val_size=len(validating) or None)


def _folders(path: Path) -> list[Path]:
    return sorted(each for each in path.iterdir() if each.is_dir() and not each.name.startswith("."))


def _class_names(path: Path) -> list[str]:
    names = [folder.name for folder in _folders(path)]
    return sorted(names, key=int) if all(name.isdecimal() for name in names) else names


def _pictures(path: Path, names: Sequence[str]) -> Pictures:
    """The pictures below a folder with their classes, by class and then by name.

    Raises:
        ValueError: if there is a folder that is no class, or none of them holds a picture.
    """
    if strange := [name for name in _class_names(path) if name not in names]:
        raise ValueError(f"{path / strange[0]} is of no class that trains: these are {', '.join(names)}")
    endings = Image.registered_extensions()
    found = [
        (file, label)
        for label, name in enumerate(names)
        for file in sorted((path / name).glob("*"))
        if file.suffix.lower() in endings and not file.name.startswith(".")
    ]
    if not found:
        raise ValueError(
            f"{path} must hold a folder of pictures for each class, or folders train and test with such folders; "
            f"its folders {', '.join(_class_names(path)) or '(none)'} hold no picture"
        )
    return found


def _read(training: Pictures, test: Path | None, names: Sequence[str], train: bool) -> Arrays:
    pictures = training if train or test is None else _pictures(test, names)
    images = np.stack([as_image(file, str(file)) for file, _ in pictures])
    return Arrays(images, np.array([label for _, label in pictures]))
