"""MNIST and its kin as IDX files: where they lie, how they are downloaded, verified and read.

The folders are those that torchvision uses, `<data_dir>/MNIST/raw/train-images-idx3-ubyte` and so on. The MD5 sums are
checked each time a file is read.
"""

import gzip
import hashlib
import os
import zlib
from functools import partial
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torchvision
from torch import Tensor

from mnist_mlp.console.files import expanded, replaced_at_once
from mnist_mlp.data.downloads import download_missing, read_verified
from mnist_mlp.data.images import DIGITS, LabelledImages, Source

IDX_TYPES = {8: np.dtype(np.uint8), 12: np.dtype(">i4")}


class IdxDataset(NamedTuple):
    """A data set in IDX files.

    Attributes:
        torchvision_class: What downloads it, and names its folder.
        md5: The sum of each file by its name, in the order train images, train labels, test images, test
            labels. Of KMNIST only the sums of the packed files are published: they are kept and read as
            they are, and gzip's own CRC-32 carries the check through unpacking.
        class_names: The name of each class.
    """

    torchvision_class: type[torchvision.datasets.MNIST]
    md5: dict[str, str]
    class_names: tuple[str, ...] = DIGITS

    def folder(self, data_dir: Path) -> Path:
        """Where the files lie."""
        return data_dir / self.torchvision_class.__name__ / "raw"


IDX_DATASETS = {
    "mnist": IdxDataset(
        torchvision.datasets.MNIST,
        {
            "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
            "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
            "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
            "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
        },
    ),
    "fashion_mnist": IdxDataset(
        torchvision.datasets.FashionMNIST,
        {
            "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
            "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
            "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
            "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
        },
        tuple(torchvision.datasets.FashionMNIST.classes),
    ),
    "kmnist": IdxDataset(
        torchvision.datasets.KMNIST,
        dict(torchvision.datasets.KMNIST.resources),
        tuple(torchvision.datasets.KMNIST.classes),
    ),
}


def data_folder(given: str | Path | None = None) -> Path:
    """The folder of all data sets that have a name: the one that is given, with ~ and variables replaced.

    By default it is the one named by MNIST_MLP_DATA_DIR, else `mnist_mlp` in the user's cache folder.
    """
    if folder := given or os.environ.get("MNIST_MLP_DATA_DIR"):
        return expanded(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mnist_mlp"


def idx_source(name: str, data_dir: Path) -> Source:
    """One of `IDX_DATASETS`, in that folder."""
    read = partial(read_idx_dataset, name, data_dir)
    return Source(name, IDX_DATASETS[name].class_names, read, partial(download, name, data_dir))


def download(name: str, data_dir: Path) -> None:
    """Fetch what is missing of an IDX data set, see `mnist_mlp.data.downloads.download_missing`.

    A file that lies there under another of its names, or packed, is taken without a download. So is one that lies in
    the data folder itself, if it is the right one: the files of several data sets have the same names.
    """
    dataset = IDX_DATASETS[name]
    for file in dataset.md5:
        _take(file, dataset.folder(data_dir), data_dir, dataset.md5[file])

    def fetch(temporary: Path) -> Path:
        dataset.torchvision_class(str(temporary), download=True)
        return dataset.folder(temporary)

    download_missing(name, dataset.folder(data_dir), dataset.md5, fetch)


def idx_names(file: str) -> list[str]:
    """The names that an IDX file may have: a dot may stand for the hyphen before idx, and `.gz` at the end."""
    return [f"{each}{packed}" for each in (file, file.replace("-idx", ".idx")) for packed in ("", ".gz")]


def _take(file: str, folder: Path, data_dir: Path, md5: str) -> None:
    """Put a file where it is read, if it lies there, or in the data folder, under another name, or packed."""
    if (folder / file).exists():
        return
    for path in (place / name for place in (folder, data_dir) for name in idx_names(file)):
        if path.is_file():
            content = _content(path, packed=file.endswith(".gz"))
            if hashlib.md5(content, usedforsecurity=False).hexdigest() == md5:
                folder.mkdir(parents=True, exist_ok=True)
                with replaced_at_once(folder / file) as part:
                    part.write_bytes(content)
                return


def _content(path: Path, packed: bool) -> bytes | bytearray:
    """What a file holds, unpacked unless it is wanted packed; nothing where it is damaged."""
    content = path.read_bytes()
    try:
        return content if packed else unpacked(bytearray(content))
    except (OSError, EOFError, zlib.error):
        return b""


def read_idx_dataset(name: str, data_dir: Path, train: bool) -> LabelledImages:
    """The training or the test images of an IDX data set.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if a file is not the one that was published.
    """
    dataset = IDX_DATASETS[name]
    folder = dataset.folder(data_dir)
    images_file, labels_file = list(dataset.md5)[:2] if train else list(dataset.md5)[2:]
    images = parse_idx(unpacked(read_verified(folder / images_file, dataset.md5)))
    labels = parse_idx(unpacked(read_verified(folder / labels_file, dataset.md5)))
    return LabelledImages(images.flatten(1), labels.long())


def unpacked(content: bytearray) -> bytearray:
    """The content of a file, unpacked where gzip has packed it."""
    return bytearray(gzip.decompress(content)) if content[:2] == b"\x1f\x8b" else content


def parse_idx(content: bytearray) -> Tensor:
    """The array in an IDX file, uint8 or int32.

    The file begins with two zeros, the code 8 for unsigned bytes or 12 for 32-bit integers, the number of dimensions
    and each dimension as a big-endian 32-bit integer. The tensor of bytes shares the buffer's memory.

    Raises:
        ValueError: if it holds something else, or is cut off.

    Source: LeCun, Cortes, Burges, The MNIST database of handwritten digits, "File formats".
    """
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in IDX_TYPES:
        raise ValueError(f"no IDX file of bytes or integers, it begins with {content[:4].hex(' ') or 'nothing'}")
    dtype, start = IDX_TYPES[content[2]], 4 + 4 * content[3]
    shape = [int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4)]
    size = start + prod(shape) * dtype.itemsize
    if len(content) != size:
        raise ValueError(f"an IDX file of the shape {tuple(shape)} has {size:,} bytes, and it has {len(content):,}")
    if dtype == np.uint8:
        return torch.frombuffer(content, dtype=torch.uint8, offset=start).reshape(shape)
    return torch.from_numpy(np.frombuffer(content, dtype, offset=start).astype(np.int32)).reshape(shape)
