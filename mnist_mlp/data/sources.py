"""All sources of images: data sets by their names, and the kinds of files and folders that are recognised."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from torchvision.datasets import EMNIST

from mnist_mlp.console.files import expanded
from mnist_mlp.data.csv_files import csv_files
from mnist_mlp.data.digits import digits_source
from mnist_mlp.data.emnist import emnist_source
from mnist_mlp.data.idx_files import IDX_DATASETS, idx_source
from mnist_mlp.data.idx_folder import idx_folder
from mnist_mlp.data.images import LabelledImages, Source
from mnist_mlp.data.npz_file import npz_file
from mnist_mlp.data.parquet_files import parquet_files
from mnist_mlp.data.pickle_file import pickle_file
from mnist_mlp.data.picture_folder import picture_folder
from mnist_mlp.data.qmnist import qmnist_source
from mnist_mlp.data.usps import usps_source

# name -> what makes it of the folder of all data sets
DATASETS: dict[str, Callable[[Path], Source]] = {
    **{name: partial(idx_source, name) for name in IDX_DATASETS},
    "digits": digits_source,
    **{f"emnist_{split}": partial(emnist_source, split) for split in sorted(EMNIST.splits)},
    "qmnist": qmnist_source,
    "usps": usps_source,
}

# what lies at a path -> what makes a source of it, or None where something else lies there
KINDS: dict[str, Callable[[Path], Source | None]] = {
    "IDX files": idx_folder,
    "Keras's mnist.npz": npz_file,
    "Nielsen's .pkl.gz": pickle_file,
    "Kaggle's CSV files": csv_files,
    "Parquet": parquet_files,
    "a folder of pictures for each class": picture_folder,
}


def find_source(dataset: str, data_dir: Path) -> Source:
    """A data set by its name, or what lies at a path.

    Args:
        dataset: One of `DATASETS`, which win over files of the same name, or a path.
        data_dir: The folder of the data sets that have a name.

    Raises:
        ValueError: if it is neither, or what lies there cannot be read.
    """
    if dataset in DATASETS:
        return DATASETS[dataset](data_dir)
    path = expanded(dataset)
    first, *splits = ", ".join(DATASETS).split(", emnist_")
    names, kinds = f"{first}, emnist_{', _'.join(splits)}", ", ".join(KINDS)
    if not dataset or not path.exists():
        raise ValueError(
            f"dataset must be one of {names}, or the path of {kinds}; got {dataset!r:.80}, which isn't there"
        )
    for kind in KINDS.values():
        if source := kind(path):
            return source
    raise ValueError(f"dataset must be the path of {kinds}; {dataset} is nothing of the kind")


def read_dataset(dataset: str, data_dir: Path, train: bool) -> LabelledImages:
    """The training or the test images of a data set by its name, or of what lies at a path."""
    return find_source(dataset, data_dir).read(train)
