"""EMNIST: handwritten letters and digits, cut out of NIST's forms as MNIST's digits were; six ways to make classes.

Source: Cohen, Afshar, Tapson, van Schaik, EMNIST: an extension of MNIST to handwritten letters, 2017.
"""

import zipfile
from functools import partial
from pathlib import Path

from torchvision.datasets import EMNIST

from mnist_mlp.data.downloads import download_archives, verify
from mnist_mlp.data.idx_files import parse_idx, unpacked
from mnist_mlp.data.images import IMAGE_SIZE, LabelledImages, Source

FILE = "gzip.zip"  # of all six; torchvision leaves it there, too
FIRST_LABEL = {"letters": 1}  # of the others it is 0


def emnist_source(split: str, data_dir: Path) -> Source:
    """EMNIST by one of its splits: balanced, byclass, bymerge, digits, letters or mnist."""
    folder = data_dir / "EMNIST" / "raw"
    names = EMNIST.classes_split_dict[split]
    return Source(
        f"emnist_{split}",
        tuple(names[FIRST_LABEL.get(split, 0) :]),
        partial(_read, split, folder),
        partial(download_archives, f"emnist_{split}", folder, {FILE: (EMNIST.url, EMNIST.md5)}),
    )


def _read(split: str, folder: Path, train: bool) -> LabelledImages:
    """Its training or its test images.

    EMNIST's files hold each image with rows and columns swapped; here they stand upright. The letters' classes are
    counted from 1 there, and from 0 here.
    """
    verify(folder / FILE, {FILE: EMNIST.md5})
    with zipfile.ZipFile(folder / FILE) as archive:
        member = f"gzip/emnist-{split}-{'train' if train else 'test'}"
        images, labels = (
            parse_idx(unpacked(bytearray(archive.read(f"{member}-{kind}-ubyte.gz"))))
            for kind in ("images-idx3", "labels-idx1")
        )
    upright = images.view(-1, IMAGE_SIZE, IMAGE_SIZE).transpose(1, 2).flatten(1)
    return LabelledImages(upright, labels.long() - FIRST_LABEL.get(split, 0))
