import gzip
import hashlib
import shutil
from collections import Counter

import pytest
import torch
import torchvision
from conftest import idx_file

from mnist_mlp import MNISTDataModule
from mnist_mlp.data import idx_files as datasets
from mnist_mlp.data.digits import draw_like_mnist, read_digits
from mnist_mlp.data.idx_files import IDX_DATASETS, download, parse_idx
from mnist_mlp.data.sources import read_dataset


def test_idx_files_are_read_as_torchvision_reads_them(tiny_mnist):
    data_dir = tiny_mnist.parent.parent
    for train, n in ((True, 60), (False, 20)):
        data = read_dataset("mnist", data_dir, train=train)
        reference = torchvision.datasets.MNIST(str(data_dir), train=train)
        assert data.images.shape == (n, 784)
        assert torch.equal(data.images, reference.data.reshape(n, 784))
        assert torch.equal(data.labels, reference.targets)


@pytest.mark.parametrize("shape", [(3,), (3, 2), (2, 3, 4)])
def test_parse_idx_gives_back_what_was_written(shape):
    array = torch.randint(256, shape, dtype=torch.uint8)
    assert torch.equal(parse_idx(bytearray(idx_file(array))), array)


def test_a_truncated_file_is_named(tiny_mnist):
    file = tiny_mnist / "train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:-1])
    message = r"train-images-idx3-ubyte is not the published file: it is damaged \(47,055 bytes, MD5 .* delete it"
    with pytest.raises(ValueError, match=message):
        read_dataset("mnist", tiny_mnist.parent.parent, train=True)


def test_an_altered_byte_is_noticed(tiny_mnist):
    file = tiny_mnist / "t10k-labels-idx1-ubyte"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match="t10k-labels-idx1-ubyte is not the published file: it is damaged"):
        read_dataset("mnist", tiny_mnist.parent.parent, train=False)


def test_a_swapped_file_is_recognised(tiny_mnist):
    shutil.copy(tiny_mnist / "t10k-images-idx3-ubyte", tiny_mnist / "train-images-idx3-ubyte")
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte is not .* file: it is t10k-images-idx3-ubyte"):
        read_dataset("mnist", tiny_mnist.parent.parent, train=True)


def test_packed_files_are_unpacked_after_the_check(tiny_mnist, monkeypatch, tmp_path):
    packed = IDX_DATASETS["kmnist"].folder(tmp_path)
    packed.mkdir(parents=True)
    md5 = {}
    for file in sorted(tiny_mnist.iterdir(), key=lambda path: (path.name.startswith("t10k"), path.name)):
        content = gzip.compress(file.read_bytes())
        (packed / f"{file.name}.gz").write_bytes(content)
        md5[f"{file.name}.gz"] = hashlib.md5(content).hexdigest()
    monkeypatch.setitem(datasets.IDX_DATASETS, "kmnist", IDX_DATASETS["kmnist"]._replace(md5=md5))
    data, expected = read_dataset("kmnist", tmp_path, train=True), read_dataset("mnist", tmp_path / "data", train=True)
    assert torch.equal(data.images, expected.images)
    assert torch.equal(data.labels, expected.labels)


@pytest.mark.parametrize("name", IDX_DATASETS)
def test_files_are_listed_in_the_order_that_the_reader_expects(name):
    kinds = ["train-images", "train-labels", "t10k-images", "t10k-labels"]
    assert ["-".join(file.split("-")[:2]) for file in IDX_DATASETS[name].md5] == kinds
    assert {len(md5) for md5 in IDX_DATASETS[name].md5.values()} == {32}


class FakeDownload:
    """Stands for torchvision.datasets.MNIST: writes the four files from a source folder."""

    __name__ = "MNIST"

    def __init__(self, source, files=4):
        self.source = source
        self.files = files

    def __call__(self, root, download):
        from pathlib import Path

        assert download
        folder = Path(root) / "MNIST" / "raw"
        folder.mkdir(parents=True)
        for file in sorted(self.source.iterdir())[: self.files]:
            shutil.copy(file, folder)
        if self.files < 4:
            raise KeyboardInterrupt


def fake_download(monkeypatch, source, files=4):
    dataset = IDX_DATASETS["mnist"]._replace(torchvision_class=FakeDownload(source, files))
    monkeypatch.setitem(datasets.IDX_DATASETS, "mnist", dataset)


def test_download_puts_the_files_where_they_are_read(tiny_mnist, tmp_path, monkeypatch):
    fake_download(monkeypatch, tiny_mnist)
    download("mnist", tmp_path / "new")
    folder = tmp_path / "new" / "MNIST" / "raw"
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in tiny_mnist.iterdir())
    assert len(read_dataset("mnist", tmp_path / "new", train=True).labels) == 60


def test_an_interrupted_download_leaves_nothing(tiny_mnist, tmp_path, monkeypatch):
    fake_download(monkeypatch, tiny_mnist, files=2)
    with pytest.raises(KeyboardInterrupt):
        download("mnist", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_damaged_download_is_not_kept(tiny_mnist, tmp_path, monkeypatch):
    source = tmp_path / "source"
    shutil.copytree(tiny_mnist, source)
    (source / "train-labels-idx1-ubyte").write_bytes(b"not found")
    fake_download(monkeypatch, source)
    with pytest.raises(ValueError, match="train-labels-idx1-ubyte is not the published file"):
        download("mnist", tmp_path / "new")
    assert not (tmp_path / "new" / "MNIST" / "raw" / "train-labels-idx1-ubyte").exists()


def test_files_that_are_there_are_not_touched(tiny_mnist, offline):
    before = {path: path.stat().st_mtime_ns for path in tiny_mnist.iterdir()}
    download("mnist", tiny_mnist.parent.parent)
    assert {path: path.stat().st_mtime_ns for path in tiny_mnist.iterdir()} == before


@pytest.mark.parametrize("name", IDX_DATASETS)
def test_without_network_the_message_says_what_to_do(name, tmp_path, offline, capsys):
    files = "train-images-idx3-ubyte.*train-labels-idx1-ubyte.*t10k-images-idx3-ubyte.*t10k-labels-idx1-ubyte"
    with pytest.raises(ConnectionError, match=f"{name} is not in .*raw and .*{files}.*--data.dataset digits"):
        download(name, tmp_path)


def test_an_unwritable_data_folder_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"the data folder .*file.* cannot be written \(Not a directory\)"):
        download("mnist", tmp_path / "file")


def test_digits_are_scikit_learns():
    train, test = read_digits(train=True), read_digits(train=False)
    assert (len(train.labels), len(test.labels)) == (1437, 360)
    assert min(Counter(test.labels.tolist()).values()) > 20
    assert torch.cat([train.labels, test.labels]).bincount().tolist() == [
        178,
        182,
        177,
        183,
        181,
        182,
        181,
        179,
        174,
        180,
    ]


def test_digits_are_placed_like_mnists():
    images = read_digits(train=True).images.reshape(-1, 28, 28).float()
    middle, rows = torch.arange(28) - 13.5, images.sum(dim=2)
    columns, mass = images.sum(dim=1), images.sum(dim=(1, 2))
    assert (rows @ middle / mass).abs().max() < 0.3
    assert (columns @ middle / mass).abs().max() < 0.3
    dark = images >= 128
    extents = torch.maximum(dark.any(dim=2).sum(dim=1), dark.any(dim=1).sum(dim=1))
    assert extents.min() >= 15
    assert extents.max() <= 21
    assert 18 <= extents.float().mean() <= 20.5
    assert images.amax(dim=(1, 2)).min() > 200


def test_draw_like_mnist_keeps_orientation():
    small = torch.zeros(1, 8, 8)
    small[0, 0:8, 1:3] = 1  # a vertical stroke ...
    small[0, 0:2, 3:6] = 1  # ... with an arm at the top, to the right
    drawn = draw_like_mnist(small).reshape(28, 28).float()
    assert drawn[:14].sum() > drawn[14:].sum()
    assert drawn[4:9, 18:].sum() > 10 * drawn[18:, 18:].sum()


@pytest.mark.parametrize("side", [16, 20, 21, 28, 64, 280])
def test_draw_like_mnist_keeps_thin_strokes_of_any_side_and_takes_no_noise_for_ink(side):
    image = torch.zeros(1, side, side)
    width = max(1, round(side / 90))
    image[0, side // 8 : -(side // 8), side // 2 : side // 2 + width] = 1
    drawn = draw_like_mnist(image)
    rows = drawn.reshape(28, 28).amax(dim=1)
    assert rows[5:23].min() > 100
    noise = torch.rand(1, side, side, generator=torch.Generator().manual_seed(0)) * 0.01
    assert (drawn.int() - draw_like_mnist((image + noise).clamp(0, 1)).int()).abs().max() <= 3


def test_an_image_without_ink_cannot_be_drawn():
    with pytest.raises(ValueError, match=r"^each image must have ink; image 1 of 2 has none$"):
        draw_like_mnist(torch.stack([torch.eye(8), torch.full((8, 8), 0.01)]))


@pytest.mark.parametrize("place", ["raw", "data folder"])
@pytest.mark.parametrize("dotted", [False, True])
def test_packed_files_are_unpacked_and_verified_without_a_download(tiny_mnist, tmp_path, offline, place, dotted):
    folder = tmp_path / "packed" if place == "data folder" else tmp_path / "packed" / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for file in tiny_mnist.iterdir():
        name = file.name.replace("-idx", ".idx") if dotted else file.name
        (folder / f"{name}.gz").write_bytes(gzip.compress(file.read_bytes()))
    download("mnist", tmp_path / "packed")
    assert len(read_dataset("mnist", tmp_path / "packed", train=True).labels) == 60


def test_a_packed_file_that_is_damaged_is_not_taken(tiny_mnist, tmp_path, offline):
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for file in tiny_mnist.iterdir():
        (folder / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes())[:-9])
    with pytest.raises(ConnectionError, match="could not be downloaded"):
        download("mnist", tmp_path)


def test_a_failed_download_leaves_no_new_folder(tmp_path, offline):
    with pytest.raises(ConnectionError):
        download("mnist", tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_a_home_folder_and_variables_are_replaced_wherever_they_are_named(tiny_mnist, monkeypatch):
    data_dir = tiny_mnist.parent.parent
    monkeypatch.setenv("HOME", str(data_dir.parent))
    monkeypatch.setenv("PLACE", str(data_dir))
    for given in (f"~/{data_dir.name}", "$PLACE", str(data_dir)):
        assert datasets.data_folder(given) == data_dir
        monkeypatch.setenv("MNIST_MLP_DATA_DIR", given)
        assert datasets.data_folder() == data_dir
        assert MNISTDataModule(data_dir=given).data_dir == data_dir


@pytest.mark.mnist
def test_real_mnist():
    data_dir = datasets.data_folder()
    train, test = read_dataset("mnist", data_dir, train=True), read_dataset("mnist", data_dir, train=False)
    assert (train.images.shape, test.images.shape) == ((60_000, 784), (10_000, 784))
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
