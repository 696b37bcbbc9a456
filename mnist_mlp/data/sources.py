"""The data sets by their names: 28x28 images in ten classes."""

from pathlib import Path

from mnist_mlp.data.digits import read_digits
from mnist_mlp.data.idx_files import IDX_DATASETS, read_idx_dataset
from mnist_mlp.data.images import LabelledImages

DATASETS = (*IDX_DATASETS, "digits")


def read_dataset(name: str, data_dir: Path, train: bool) -> LabelledImages:
    """The training or the test images of any of `DATASETS`."""
    return read_digits(train) if name == "digits" else read_idx_dataset(name, data_dir, train)
