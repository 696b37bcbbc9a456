"""A pipe in a data file's place is refused at once: to read it would wait for ever."""

import os
import signal

import pytest

from mnist_mlp.data.sources import find_source, read_dataset
from mnist_mlp.drawing.html_file import is_page

SECONDS = 10


@pytest.fixture(autouse=True)
def alarm():
    """End a test that waits."""

    def give_up(*_):
        raise TimeoutError("it waits")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(
    "file",
    ["train.csv", "mnist.npz", "mnist.pkl.gz", "mnist.pkl", "all.parquet", "anything", "train-images-idx3-ubyte"],
)
def test_a_path_to_a_pipe_is_refused(tmp_path, file):
    os.mkfifo(tmp_path / file)
    for path in (tmp_path / file, tmp_path):
        with pytest.raises(ValueError, match="dataset must be"):
            find_source(str(path), tmp_path)


def test_a_pipe_among_pictures_is_refused(tmp_path):
    for name in "01":
        (tmp_path / "all" / name).mkdir(parents=True)
        for i in range(3):
            os.mkfifo(tmp_path / "all" / name / f"{i}.png")
    with pytest.raises(ValueError, match="is not a picture"):
        read_dataset(str(tmp_path / "all"), tmp_path, train=True)


@pytest.mark.parametrize(
    ("dataset", "file"),
    [
        ("mnist", "MNIST/raw/train-images-idx3-ubyte"),
        ("qmnist", "QMNIST/raw/qmnist-train-images-idx3-ubyte.gz"),
        ("usps", "USPS/usps.bz2"),
        ("emnist_letters", "EMNIST/raw/gzip.zip"),
    ],
)
def test_a_pipe_in_the_place_of_a_known_file_is_refused(tmp_path, dataset, file):
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    with pytest.raises(ValueError, match=f"{path.name} must be a file, and is none"):
        read_dataset(dataset, tmp_path, train=True)


def test_a_pipe_is_no_page(tmp_path):
    os.mkfifo(tmp_path / "draw.html")
    assert not is_page(tmp_path / "draw.html")
