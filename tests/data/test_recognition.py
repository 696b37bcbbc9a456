"""What is MNIST is called mnist, whatever it came in, and nothing else is."""

import numpy as np
import pytest
import torch
from data_files import arrays, nielsens_pickle, write_idx, write_npz

from mnist_mlp import MNISTDataModule
from mnist_mlp.data import recognition
from mnist_mlp.data.idx_files import data_folder
from mnist_mlp.data.images import LabelledImages
from mnist_mlp.data.recognition import md5_in_any_order
from mnist_mlp.data.sources import read_dataset

TRAIN, TEST = arrays(60), arrays(20, seed=1)


def tensors(images, labels):
    return LabelledImages(torch.from_numpy(images).flatten(1), torch.from_numpy(labels))


@pytest.fixture
def small_mnist(monkeypatch):
    """The sums of small data pass for MNIST's."""
    sums = {len(labels): md5_in_any_order(tensors(images, labels)) for images, labels in (TRAIN, TEST)}
    monkeypatch.setattr(recognition, "MNIST_SUMS", sums)


def name_at(path, stage: str | None = "fit"):
    data = MNISTDataModule(str(path), batch_size=8)
    data.setup(stage)
    return data.dataset_name


def test_by_its_pixels_in_any_file_and_order(small_mnist, tmp_path):
    mixed = np.random.default_rng(0).permutation(60)
    assert name_at(write_idx(tmp_path / "a", TRAIN, TEST)) == "mnist"
    assert name_at(write_npz(tmp_path / "b.npz", [part[mixed] for part in TRAIN], TEST)) == "mnist"
    assert name_at(tmp_path / "b.npz", "test") == "mnist"
    (tmp_path / "c.pkl.gz").write_bytes(nielsens_pickle([p[:50] for p in TRAIN], [p[50:] for p in TRAIN], TEST))
    assert name_at(tmp_path / "c.pkl.gz") == "mnist"


@pytest.mark.parametrize("what", ["pixel", "label", "one less"])
def test_what_differs_is_called_by_its_own_name(small_mnist, tmp_path, what):
    images, labels = (part.copy() for part in TRAIN)
    if what == "pixel":
        images[7, 3, 3] ^= 1
    elif what == "label":
        labels[[7, 8]] = labels[[8, 7]]
    else:
        images, labels = images[1:], labels[1:]
    assert name_at(write_npz(tmp_path / "own.npz", (images, labels), TEST)) == "own.npz"
    assert name_at(write_npz(tmp_path / "mnist.npz", (images, labels), TEST)) == "mnist.npz (not MNIST)"
    assert name_at(tmp_path / "mnist.npz", "test") == "mnist"
    assert name_at(tmp_path / "mnist.npz", None) == "mnist.npz (not MNIST)"


@pytest.mark.mnist
def test_real_mnist_in_other_files(tmp_path):
    raw = data_folder() / "MNIST" / "raw"
    (train, test) = (read_dataset("mnist", data_folder(), part) for part in (True, False))
    assert name_at(raw) == name_at(raw, "test") == "mnist"
    parts = [(part.images.view(-1, 28, 28).numpy(), part.labels.numpy()) for part in (train, test)]
    data = MNISTDataModule(str(write_npz(tmp_path / "keras.npz", *parts)))
    data.setup()
    assert data.dataset_name == "mnist"
    assert torch.equal(data.val_images.images, train.images[50_000:])
    parts[0][0][12_345, 14, 14] ^= 1
    assert name_at(write_npz(tmp_path / "keras.npz", *parts)) == "keras.npz"
