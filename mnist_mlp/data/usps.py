"""USPS: 9,298 digits from envelopes, 16x16 pixels each, drawn as MNIST's were.

Source: Hull, A database for handwritten text recognition research, 1994; the files are LIBSVM's.
"""

import bz2
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torchvision.datasets import USPS

from mnist_mlp.data.digits import draw_like_mnist
from mnist_mlp.data.downloads import download_archives, read_verified
from mnist_mlp.data.images import DIGITS, LabelledImages, Source

SIDE = 16


def usps_source(data_dir: Path) -> Source:
    """USPS, its files packed as they are published."""
    folder = data_dir / "USPS"
    archives = {file: (url, md5) for url, file, md5 in USPS.split_list.values()}
    return Source("usps", DIGITS, partial(_read, folder), partial(download_archives, "usps", folder, archives))


def _read(folder: Path, train: bool) -> LabelledImages:
    """Its training or its test images.

    A line holds an image: its class, counted from 1, then "index:value" for each pixel, -1 for paper and 1 for ink.
    """
    _, file, md5 = USPS.split_list["train" if train else "test"]
    lines = bz2.decompress(read_verified(folder / file, {file: md5})).splitlines()
    labels = torch.tensor([int(line.split(None, 1)[0]) - 1 for line in lines])
    values = np.array([[pixel.split(b":")[1] for pixel in line.split()[1:]] for line in lines], dtype=np.float32)
    small = torch.from_numpy((values + 1) / 2).view(-1, SIDE, SIDE)
    return LabelledImages(draw_like_mnist(small), labels)
