"""Four sets of 28x28 images in ten classes, read from disk and verified.

`mnist`, `fashion_mnist` and `kmnist` are IDX files in the folders that torchvision uses,
`<data_dir>/MNIST/raw/train-images-idx3-ubyte` and so on. Their MD5 sums are checked each time they are read.
`digits` comes with scikit-learn and needs no file.
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
from jaxtyping import Int64, UInt8
from torch import Tensor
from torch.nn import functional as F

IMAGE_SIDE = 28
BOX_SIDE = 20
DIGITS_TEST_SIZE = 360


class LabelledImages(NamedTuple):
    """Images and their classes, in the order of the file.

    Attributes:
        images: Grey values, 0 is the background, 255 the ink.
        labels: Classes in 0 ... 9.
    """

    images: UInt8[Tensor, "n 784"]
    labels: Int64[Tensor, "n"]


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
DATASETS = (*IDX_DATASETS, "digits")


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


def read_digits(train: bool) -> LabelledImages:
    """scikit-learn's 1,797 handwritten digits, drawn like MNIST's; they are not MNIST.

    They are the test set of UCI's "Optical Recognition of Handwritten Digits", sorted by writer. A fixed
    permutation mixes them; then the last 360 are the test set. So the same writers stand on both sides, unlike
    MNIST's, and accuracies come out optimistic.
    """
    from sklearn.datasets import load_digits

    pixels, classes = load_digits(return_X_y=True)
    small = torch.from_numpy(pixels).float().reshape(-1, 8, 8) / 16
    order = torch.randperm(len(small), generator=torch.Generator().manual_seed(0))
    images, labels = draw_like_mnist(small)[order], torch.from_numpy(classes).long()[order]
    part = slice(None, -DIGITS_TEST_SIZE) if train else slice(-DIGITS_TEST_SIZE, None)
    return LabelledImages(images[part], labels[part])


def draw_like_mnist(small: Tensor) -> UInt8[Tensor, "n 784"]:
    """Images scaled and placed the way MNIST was made from NIST's.

    The ink's bounding box is scaled, its aspect ratio kept, to fit into 20x20 pixels, and its centre of mass
    comes to lie in the middle of 28x28. Interpolation is bicubic; it softens the edges,
    which makes them reach a pixel or two beyond the box.

    Args:
        small: Grey values in [0, 1], shape (n, side, side), of any side.
    """
    n, side = len(small), small.shape[-1]
    column_mass, row_mass = small.sum(dim=1), small.sum(dim=2)
    extent = torch.maximum(_extent(column_mass), _extent(row_mass))
    pixel_centres = torch.arange(side) + 0.5
    mass = small.sum(dim=(1, 2))
    centre_x, centre_y = column_mass @ pixel_centres / mass, row_mass @ pixel_centres / mass

    # affine_grid maps an output coordinate to an input coordinate, both in units of half an image.
    zoom = (IMAGE_SIDE / side) * (extent / BOX_SIDE)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = zoom
    theta[:, 0, 2], theta[:, 1, 2] = centre_x / (side / 2) - 1, centre_y / (side / 2) - 1
    grid = F.affine_grid(theta, [n, 1, IMAGE_SIDE, IMAGE_SIDE], align_corners=False)
    drawn = F.grid_sample(small[:, None], grid, mode="bicubic", align_corners=False)
    return (drawn.clamp(0, 1) * 255).round().to(torch.uint8).flatten(1)


def _extent(profile: Tensor) -> Tensor:
    """The distance from the first to the last pixel with ink, per row of (n, side), in pixels."""
    ink = (profile > 0).int()
    return profile.shape[1] - ink.argmax(dim=1) - ink.flip(1).argmax(dim=1)


def read_dataset(name: str, data_dir: Path, train: bool) -> LabelledImages:
    """The training or the test images of any of `DATASETS`."""
    return read_digits(train) if name == "digits" else read_idx_dataset(name, data_dir, train)
