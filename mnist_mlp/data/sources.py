"""The data sets by their names: 28x28 images in ten classes."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from mnist_mlp.data.digits import read_digits
from mnist_mlp.data.idx_files import IDX_DATASETS, read_idx_dataset
from mnist_mlp.data.images import LabelledImages

# name -> (data_dir, train) -> its training or its test images
DATASETS: dict[str, Callable[[Path, bool], LabelledImages]] = {
    **{name: partial(read_idx_dataset, name) for name in IDX_DATASETS},
    "digits": lambda data_dir, train: read_digits(train),
}


def read_dataset(name: str, data_dir: Path, train: bool) -> LabelledImages:
    """The training or the test images of one of `DATASETS`."""
    return DATASETS[name](data_dir, train)
