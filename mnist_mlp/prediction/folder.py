"""A folder of pictures, and what its files' names or its `labels.csv` say that they show."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from mnist_mlp.prediction.answer import joined

SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".pbm", ".jp2", ".avif")
LABELS = "labels.csv"


def pictures_in(folder: Path) -> tuple[list[Path], int]:
    """The pictures in a folder and in those below it, in natural order: 2.png before 10.png.

    Returns:
        The pictures, by their suffix, and how many other files there are, without `labels.csv`.

    Raises:
        ValueError: if there is no picture.
    """
    files = [path for path in folder.rglob("*") if path.is_file() and path != folder / LABELS]
    pictures = [path for path in files if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")]
    if not pictures:
        raise ValueError(f"{folder} holds no picture; looked for files that end in {', '.join(SUFFIXES)}")
    return sorted(pictures, key=lambda path: _natural(str(path.relative_to(folder)))), len(files) - len(pictures)


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """What sorts names so that a number in them counts as a number, and comes before letters."""
    return [(not number, int(number or 0), text) for number, text in re.findall(r"(\d+)|(\D+)", name)]


def labels_in(folder: Path, pictures: Sequence[Path], class_names: Sequence[str]) -> dict[Path, str]:
    """What the pictures of a folder show: the names of classes one after the other, as in a prediction.

    `labels.csv` says it, with the columns file (in this folder) and label. Else the names do, where they do so for
    each picture: `7/a.png`, or `7_a.png`.

    Returns:
        The labels that are known; those of `labels.csv` also for files that are not there.

    Raises:
        ValueError: if `labels.csv` cannot be understood.
    """
    if (folder / LABELS).is_file():
        return _read_labels(folder, class_names)
    for part in (lambda path: path.relative_to(folder).parent.name, lambda path: path.name.partition("_")[0]):
        labels = {path: part(path) for path in pictures}
        if set(labels.values()) <= set(class_names):
            return labels
    return {}


def _read_labels(folder: Path, class_names: Sequence[str]) -> dict[Path, str]:
    """What `labels.csv` says."""
    path, labels = folder / LABELS, dict[Path, str]()
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or ["nothing"]
            if not {"file", "label"} <= set(columns):
                raise ValueError(f"it must have the columns file and label; it has {', '.join(columns)}")
            for row in reader:
                name, label = (row["file"] or "").strip(), (row["label"] or "").strip()
                if not name or not _names_classes(label, class_names):
                    raise ValueError(
                        f"line {reader.line_num} must have a file, and a label made of {', '.join(class_names)}; got "
                        f"{name!r} and {label!r}"
                    )
                if Path(name).is_absolute() or ".." in Path(name).parts:
                    raise ValueError(f"line {reader.line_num}: {name} is not in this folder")
                if labels.setdefault(folder / name, label) != label:
                    raise ValueError(f"it says of {name} both {labels[folder / name]} and {label}")
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{path} cannot be used: {error}") from error
    return labels


def _names_classes(label: str, class_names: Sequence[str]) -> bool:
    """Whether a label is the name of a class, or several names as a prediction joins them."""
    names = label if joined(class_names) == "".join(class_names) else label.split()
    return label in class_names or (bool(label) and set(names) <= set(class_names))
