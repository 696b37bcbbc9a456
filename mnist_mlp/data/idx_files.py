"""MNIST and its kin as IDX files: where they lie, how they are downloaded, verified and read.

The folders are those that torchvision uses, `<data_dir>/MNIST/raw/train-images-idx3-ubyte` and so on. The MD5 sums are
checked each time a file is read.
"""

import gzip
import hashlib
import os
import tempfile
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError

import torch
import torchvision
from jaxtyping import UInt8
from torch import Tensor

from mnist_mlp.data.images import LabelledImages


class IdxDataset(NamedTuple):
    """A data set in IDX files.

    Attributes:
        torchvision_class: What downloads it, and names its folder.
        md5: The sum of each file by its name, in the order train images, train labels, test images, test
            labels. Of KMNIST only the sums of the packed files are published: they are kept and read as
            they are, and gzip's own CRC-32 carries the check through unpacking.
    """

    torchvision_class: type[torchvision.datasets.MNIST]
    md5: dict[str, str]

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
    ),
    "kmnist": IdxDataset(torchvision.datasets.KMNIST, dict(torchvision.datasets.KMNIST.resources)),
}


def default_data_dir() -> Path:
    """The folder named by MNIST_MLP_DATA_DIR, else `mnist_mlp` in the user's cache folder."""
    if folder := os.environ.get("MNIST_MLP_DATA_DIR"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mnist_mlp"


def download(name: str, data_dir: Path) -> None:
    """Fetch what is missing of an IDX data set; files that are already there are left as they are.

    Everything is downloaded and verified in a temporary folder beside its destination and moved there file by
    file, so that an interrupted download leaves nothing, and two at once do no harm.

    Raises:
        ConnectionError: if no mirror answers.
        OSError: if the folder cannot be written.
    """
    dataset = IDX_DATASETS[name]
    folder = dataset.folder(data_dir)
    missing = [file for file in dataset.md5 if not (folder / file).exists()]
    if not missing:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary_folder = tempfile.TemporaryDirectory(dir=folder, prefix=".download-")
    except OSError as error:
        raise type(error)(
            f"the data folder {folder} cannot be written ({error.strerror}): "
            "choose another with --data.data_dir or MNIST_MLP_DATA_DIR"
        ) from error
    with temporary_folder as temporary:
        try:
            dataset.torchvision_class(temporary, download=True)
        except (RuntimeError, URLError, ConnectionError, TimeoutError) as error:
            raise ConnectionError(
                f"{name} is not in {folder} and could not be downloaded: put the files {', '.join(dataset.md5)} "
                "there, or train on scikit-learn's digits, which need no download: "
                "--data.dataset digits --data.val_size 300"
            ) from error
        for file in missing:
            read_verified(dataset.folder(Path(temporary)) / file, dataset.md5)
            os.replace(dataset.folder(Path(temporary)) / file, folder / file)


def read_idx_dataset(name: str, data_dir: Path, train: bool) -> LabelledImages:
    """The training or the test images of an IDX data set.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if a file is not the one that was published.
    """
    dataset = IDX_DATASETS[name]
    folder = dataset.folder(data_dir)
    images_file, labels_file = list(dataset.md5)[:2] if train else list(dataset.md5)[2:]
    images = parse_idx(read_verified(folder / images_file, dataset.md5))
    labels = parse_idx(read_verified(folder / labels_file, dataset.md5))
    return LabelledImages(images.flatten(1), labels.long())


def read_verified(path: Path, md5: dict[str, str]) -> bytearray:
    """The content of an IDX file, unpacked where it is packed, after its sum was found right.

    Args:
        path: The file.
        md5: The sums of the whole data set by file name, so that a swapped file can be told.
    """
    content = bytearray(path.read_bytes())
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != md5[path.name]:
        impostor = next((f"it is {file}" for file, known in md5.items() if known == found), "it is damaged")
        raise ValueError(
            f"{path} is not the published file: {impostor} ({len(content):,} bytes, MD5 {found}, "
            f"expected {md5[path.name]}); delete it, and it will be downloaded again"
        )
    return bytearray(gzip.decompress(content)) if path.suffix == ".gz" else content


def parse_idx(content: bytearray) -> UInt8[Tensor, "..."]:
    """The array of bytes in an IDX file.

    The file begins with two zeros, the code 8 for unsigned bytes, the number of dimensions and each dimension
    as a big-endian 32-bit integer. The tensor shares the buffer's memory.

    Source: LeCun, Cortes, Burges, The MNIST database of handwritten digits, "File formats".
    """
    num_dimensions = content[3]
    start = 4 + 4 * num_dimensions
    shape = [int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4)]
    return torch.frombuffer(content, dtype=torch.uint8, offset=start).reshape(shape)
