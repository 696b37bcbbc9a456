"""EMNIST, QMNIST and USPS by their names, from small files in the published formats, whose sums pass for theirs."""

import bz2
import gzip
import hashlib
import io
import shutil
import string
import zipfile

import numpy as np
import pytest
import torch
from conftest import idx_file
from data_files import arrays
from torchvision.datasets import EMNIST, QMNIST, USPS

from mnist_mlp import MNISTDataModule
from mnist_mlp.data.digits import draw_like_mnist
from mnist_mlp.data.sources import DATASETS, find_source

LETTERS = (arrays(60, 26, first=1), arrays(26, 26, seed=1, first=1))


def md5(content):
    return hashlib.md5(content).hexdigest()


@pytest.fixture
def emnist(tmp_path, monkeypatch):
    """A folder of data sets with EMNIST's archive: letters, which lie on their side, and digits."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for split, parts in (("letters", LETTERS), ("digits", (arrays(30), arrays(20, seed=1)))):
            for part, (images, labels) in zip(("train", "test"), parts, strict=True):
                for kind, array in (("images-idx3", images.swapaxes(1, 2)), ("labels-idx1", labels)):
                    file = idx_file(torch.from_numpy(array.astype(np.uint8).copy()))
                    archive.writestr(f"gzip/emnist-{split}-{part}-{kind}-ubyte.gz", gzip.compress(file))
    file = tmp_path / "EMNIST" / "raw" / "gzip.zip"
    file.parent.mkdir(parents=True)
    file.write_bytes(content.getvalue())
    monkeypatch.setattr(EMNIST, "md5", md5(content.getvalue()))
    return tmp_path


@pytest.fixture
def qmnist(tmp_path, monkeypatch):
    folder = tmp_path / "QMNIST" / "raw"
    folder.mkdir(parents=True)
    resources = {}
    for part, n in (("train", 30), ("test", 40)):
        images, labels = arrays(n)
        told = np.zeros((n, 8), dtype=">i4")
        told[:, 0], told[:, 2] = labels, 70_000
        header = bytes([0, 0, 12, 2]) + n.to_bytes(4, "big") + (8).to_bytes(4, "big")
        contents = (gzip.compress(idx_file(torch.from_numpy(images))), gzip.compress(header + told.tobytes()))
        resources[part] = []
        for (url, _), content in zip(QMNIST.resources[part], contents, strict=True):
            (folder / url.rpartition("/")[2]).write_bytes(content)
            resources[part].append((url, md5(content)))
    monkeypatch.setattr(QMNIST, "resources", resources)
    return tmp_path


@pytest.fixture
def usps(tmp_path, monkeypatch):
    folder = tmp_path / "USPS"
    folder.mkdir()
    split_list = {}
    for part, (url, name, _) in USPS.split_list.items():
        images = strokes(20 if part == "train" else 10)
        lines = [
            f"{i % 10 + 1} " + " ".join(f"{j + 1}:{value:.4f}" for j, value in enumerate((2 * image - 1).flatten()))
            for i, image in enumerate(images)
        ]
        content = bz2.compress(("\n".join(lines) + "\n").encode())
        (folder / name).write_bytes(content)
        split_list[part] = [url, name, md5(content)]
    monkeypatch.setattr(USPS, "split_list", split_list)
    return tmp_path


def strokes(n):
    """Images (n, 16, 16) from 0 to 1 with a stroke each."""
    images = np.zeros((n, 16, 16))
    for i in range(n):
        images[i, 2:14, 3 + i % 9 : 5 + i % 9] = 0.25 + 0.75 * (i + 1) / n
    return images


def test_emnists_letters_stand_upright_and_are_called_by_their_names(emnist):
    source = find_source("emnist_letters", emnist)
    assert source.class_names == tuple(string.ascii_lowercase)
    for train, (images, labels) in zip((True, False), LETTERS, strict=True):
        data = source.read(train)
        assert np.array_equal(data.images.numpy().reshape(images.shape), images)
        assert data.labels.tolist() == (labels - 1).tolist()


def test_emnists_digits_are_counted_from_0(emnist):
    data = find_source("emnist_digits", emnist).read(True)
    assert data.labels.tolist() == arrays(30)[1].tolist()
    assert np.array_equal(data.images.numpy().reshape(-1, 28, 28), arrays(30)[0])


@pytest.mark.parametrize(
    ("split", "number", "last"),
    [("balanced", 47, "t"), ("byclass", 62, "z"), ("bymerge", 47, "t"), ("digits", 10, "9"), ("letters", 26, "z")],
)
def test_emnists_splits_have_their_classes(split, number, last, tmp_path):
    names = MNISTDataModule(f"emnist_{split}", str(tmp_path)).class_names
    assert (len(set(names)), names[-1]) == (number, last)
    assert split == "letters" or names[:10] == tuple(string.digits)


def test_qmnist_has_the_first_of_its_numbers_as_class(qmnist):
    source = find_source("qmnist", qmnist)
    assert source.read(True).labels.tolist() == arrays(30)[1].tolist()
    assert np.array_equal(source.read(False).images.numpy().reshape(-1, 28, 28), arrays(40)[0])


def test_usps_is_drawn_like_mnist(usps):
    source = find_source("usps", usps)
    data = source.read(True)
    assert data.labels.tolist() == [*range(10)] * 2
    expected = draw_like_mnist(torch.from_numpy(strokes(20)).float())
    assert (data.images.int() - expected.int()).abs().max() <= 1
    assert len(source.read(False).labels) == 10


FILES = {
    "emnist_letters": "EMNIST/raw/gzip.zip",
    "qmnist": "QMNIST/raw/qmnist-train-labels-idx2-int.gz",
    "usps": "USPS",
}


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named(name, request, tmp_path):
    request.getfixturevalue(name.partition("_")[0])
    file = tmp_path / FILES[name]
    file = file / "usps.bz2" if file.is_dir() else file
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match=f"{file} is not the published file: it is damaged .* delete it"):
        find_source(name, tmp_path).read(True)


@pytest.mark.parametrize("name", FILES)
def test_what_is_missing_is_downloaded_and_nothing_else(name, request, tmp_path, monkeypatch):
    request.getfixturevalue(name.partition("_")[0])
    published = tmp_path / "published"
    shutil.move(tmp_path / FILES[name].partition("/")[0], published)
    fetched = []

    def download_url(url, root, filename, md5):
        fetched.append(url)
        (file,) = published.rglob(filename)
        shutil.copy(file, root)

    monkeypatch.setattr("torchvision.datasets.utils.download_url", download_url)
    data = MNISTDataModule(name, str(tmp_path), batch_size=8, val_size=5)
    data.prepare_data()
    data.setup()
    assert len(fetched) == {"emnist_letters": 1, "qmnist": 4, "usps": 2}[name]
    assert data.dataset_name == name
    data.prepare_data()
    assert len(set(fetched)) == len(fetched)
    n = len(fetched)
    next(file for file in sorted((tmp_path / FILES[name].partition("/")[0]).rglob("*")) if file.is_file()).unlink()
    data.prepare_data()
    assert len(fetched) == n + 1


@pytest.mark.parametrize("name", FILES)
def test_without_network_the_message_says_what_to_do(name, tmp_path, offline):
    with pytest.raises(ConnectionError, match=f"{name} is not in .* could not be downloaded: put the file.* there, or"):
        MNISTDataModule(name, str(tmp_path)).prepare_data()


def test_fashion_and_kmnist_name_their_classes(tmp_path):
    assert MNISTDataModule("fashion_mnist", str(tmp_path)).class_names[-1] == "Ankle boot"
    assert MNISTDataModule("kmnist", str(tmp_path)).class_names[0] == "o"


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_is_called_by_its_name(name, tmp_path):
    source = find_source(name, tmp_path)
    assert source.name == name
    assert source.path is None
    assert len(source.class_names) >= 10
