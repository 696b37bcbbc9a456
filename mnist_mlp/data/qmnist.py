"""QMNIST: MNIST made again from NIST's forms, with 60,000 test images instead of 10,000.

Source: Yadav, Bottou, Cold Case: The Lost MNIST Digits, 2019.
"""

from functools import partial
from pathlib import Path

from torchvision.datasets import QMNIST

from mnist_mlp.data.downloads import download_archives, read_verified
from mnist_mlp.data.idx_files import parse_idx, unpacked
from mnist_mlp.data.images import DIGITS, LabelledImages, Source


def qmnist_source(data_dir: Path) -> Source:
    """QMNIST, its files packed as they are published."""
    folder = data_dir / "QMNIST" / "raw"
    archives = {url.rpartition("/")[2]: (url, md5) for part in ("train", "test") for url, md5 in QMNIST.resources[part]}
    return Source("qmnist", DIGITS, partial(_read, folder), partial(download_archives, "qmnist", folder, archives))


def _read(folder: Path, train: bool) -> LabelledImages:
    """Its training or its test images; of the eight numbers that it knows of each, the first is the class."""
    md5 = {url.rpartition("/")[2]: md5 for url, md5 in QMNIST.resources["train" if train else "test"]}
    images, labels = (parse_idx(unpacked(read_verified(folder / file, md5))) for file in md5)
    return LabelledImages(images.flatten(1), labels[:, 0].long())
