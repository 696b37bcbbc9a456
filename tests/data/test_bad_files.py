"""What cannot be read is refused in one sentence that names the file, and nothing in it is run."""

import gzip
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from data_files import (
    arrays,
    evil_pickle,
    nielsens_pickle,
    png,
    write_idx,
    write_kaggle,
    write_npz,
    write_parquet,
    write_pictures,
)

from mnist_mlp import MNISTDataModule
from mnist_mlp.data import parquet_files

TRAIN, TEST = arrays(20), arrays(10, seed=1)


def refused(path, stage=None):
    """The sentence with which what lies there is refused."""
    with pytest.raises(ValueError, match=r".") as caught:
        MNISTDataModule(str(path), batch_size=1).setup(stage)
    sentence = str(caught.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    return sentence


def test_a_path_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a sentence cuts a long path off
    sentence = refused(Path("none.npz"))
    for part in ("mnist, fashion_mnist, kmnist, digits, emnist_balanced", "usps, or the path of", "Keras's mnist.npz"):
        assert part in sentence
    with pytest.raises(ValueError, match=r"dataset must be one of mnist, .*; got ''"):
        MNISTDataModule("")


@pytest.mark.parametrize("name", ["a.txt", "a.zip", "train-images-idx3-ubyte"])
def test_a_file_of_no_kind(tmp_path, name):
    (tmp_path / name).write_bytes(b"something")
    assert "is nothing of the kind" in refused(tmp_path / name)


def test_an_empty_folder(tmp_path):
    assert "is nothing of the kind" in refused(tmp_path)


@pytest.mark.parametrize("name", ["a.npz", "a.pkl.gz", "a.pkl", "a.csv", "a.parquet"])
@pytest.mark.parametrize("content", [b"", b"\0" * 99, b"\x1f\x8b\x08\0damaged", b"PK\3\4damaged", b"PAR1damagedPAR1"])
def test_no_bytes_and_wrong_ones(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name)


@pytest.mark.parametrize("keep", [0, 1, 3, 7, 17, 300, -1])
@pytest.mark.parametrize("packed", [False, True])
def test_idx_files_that_are_cut_off(tmp_path, keep, packed):
    write_idx(tmp_path / "a", TRAIN, TEST, packed=packed)
    for kind in ("images-idx3-ubyte", "labels-idx1-ubyte"):
        file = tmp_path / "a" / f"train-{kind}{'.gz' if packed else ''}"
        whole = file.read_bytes()
        if keep < len(whole):
            file.write_bytes(whole[:keep])
            with pytest.raises(ValueError, match=f"{file} cannot be read as an IDX file: "):
                MNISTDataModule(str(tmp_path / "a"), batch_size=1).setup("fit")
        file.write_bytes(whole)


def test_idx_files_that_are_missing_or_of_another_shape(tmp_path):
    write_idx(tmp_path / "a", TRAIN, TEST)
    (tmp_path / "a" / "t10k-labels-idx1-ubyte").unlink()
    assert "has no t10k-labels-idx1-ubyte, packed or not" in refused(tmp_path / "a", "test")
    MNISTDataModule(str(tmp_path / "a"), batch_size=1).setup("fit")
    write_idx(tmp_path / "a", (np.zeros((20, 32, 32)), TRAIN[1]), TEST)
    assert "must hold images of 28x28 pixels, as (n, 28, 28) or (n, 784); got (20, 32, 32)" in refused(tmp_path / "a")
    write_idx(tmp_path / "a", TRAIN, (TEST[0], TEST[1][:-1]))
    assert "must have one label for each image; got 10 and 9" in refused(tmp_path / "a", "test")


@pytest.mark.parametrize(
    ("train", "sentence"),
    [
        ((TRAIN[0], TRAIN[1].astype(float)), "must hold an integer for each image as its label; got float64"),
        ((TRAIN[0], np.array([*"abcdefghij"] * 2)), "must hold an integer for each image as its label; got <U1"),
        ((TRAIN[0], np.eye(10, dtype=int)[TRAIN[1]]), "label; got int64 of shape (20, 10)"),
        ((TRAIN[0], TRAIN[1] * 0 + 3), "has one class, 3: a network learns to tell two or more apart"),
        ((TRAIN[0].astype(int) + 45, TRAIN[1]), "must hold pixels from 0 to 255, or from 0 to 1; got 45 ... 300"),
        ((TRAIN[0] / 100, TRAIN[1]), "must hold pixels from 0 to 255 as whole numbers, or fractions from 0 to 1"),
        ((TRAIN[0] * np.nan, TRAIN[1]), "must hold pixels from 0 to 255, or from 0 to 1; got nan ... nan"),
        ((TRAIN[0].astype(str), TRAIN[1]), "must hold pixels as numbers; got <U3"),
        ((TRAIN[0][:0], TRAIN[1][:0]), "must hold an integer for each image as its label; got int64 of shape (0,)"),
        ((TRAIN[0][:7], TRAIN[1]), "must have one label for each image; got 7 and 20"),
        ((TRAIN[0][:, :, :27], TRAIN[1]), "must hold images of 28x28 pixels"),
        ((TRAIN[0].astype(object), TRAIN[1]), "Object arrays cannot be loaded when allow_pickle=False"),
    ],
)
def test_npz_files_with_something_else_in_them(tmp_path, train, sentence):
    n = max(2, len(train[0]))
    write_npz(tmp_path / "a.npz", train, (TEST[0][:n], TEST[1][:n]))
    assert sentence in refused(tmp_path / "a.npz")


def test_npz_files_with_other_keys(tmp_path):
    np.savez(tmp_path / "a.npz", images=TRAIN[0], x_train=TRAIN[0])
    assert "it lacks y_train, x_test, y_test, and has images, x_train" in refused(tmp_path / "a.npz")


def test_a_class_that_is_only_tested(tmp_path):
    write_npz(tmp_path / "a.npz", TRAIN, (TEST[0], TEST[1] + 1))
    sentence = "has images with the label 10; the training images have 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert sentence in refused(tmp_path / "a.npz", "test")


def test_a_pickle_that_holds_code_is_not_run(tmp_path):
    (tmp_path / "mnist.pkl.gz").write_bytes(evil_pickle(tmp_path / "was here"))
    sentence = refused(tmp_path / "mnist.pkl.gz")
    assert f"it asks for {os.mkdir.__module__}.mkdir, which is no array, and was not run" in sentence
    assert not (tmp_path / "was here").exists()
    pickle.loads(gzip.decompress((tmp_path / "mnist.pkl.gz").read_bytes()))
    assert (tmp_path / "was here").exists(), "the pickle is harmless, and nothing was tested"


@pytest.mark.parametrize("call", ["os\nsystem", "builtins\neval", "numpy\nload", "numpy.core.multiarray\nscalar"])
def test_nothing_but_arrays_is_made(tmp_path, call):
    (tmp_path / "a.pkl").write_bytes(b"c" + call.encode() + b"\n(S'touch was_here'\ntR.")
    assert f"it asks for {call.replace(chr(10), '.')}, which is no array" in refused(tmp_path / "a.pkl")


@pytest.mark.parametrize("value", [{"a": 1}, (1, 2, 3), ((1, 2), (3, 4), (5, 6)), ((1, 2, 3),), [], None])
def test_a_pickle_of_something_else(tmp_path, value):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(value, protocol=2))
    assert "it must hold three pairs of arrays" in refused(tmp_path / "a.pkl")


def test_a_pickle_that_is_cut_off(tmp_path):
    content = nielsens_pickle(TRAIN, TEST, TEST)
    for keep in (5, len(content) // 2, len(content) - 3):
        (tmp_path / "a.pkl.gz").write_bytes(content[:keep])
        assert "cannot be read as a pickle of images" in refused(tmp_path / "a.pkl.gz")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda text: text.replace("label,", "", 1), "must have the columns label and 784 pixels, named in its first"),
        (lambda text: text.replace(",pixel7", "", 1), "got 784 columns, the first is 'label'"),
        (lambda text: text.split("\n", 1)[1], "must have the columns label and 784 pixels, named in its first line"),
        (lambda text: text.replace("\n1,", "\n1,ink", 1), "must hold integers from 0 to 255; got 'ink"),
        (lambda text: text.replace("\n1,", "\n1,-", 1), "must hold integers from 0 to 255; got '-"),
        (
            lambda text: _with(text, 3, 5, "300"),
            "must hold integers from 0 to 255; got '300' in line 3, column 5",
        ),
        (lambda text: _with(text, 3, 5, ""), "must hold integers from 0 to 255; got '' in line 3, column 5"),
        (lambda text: _with(text, 4, 1, "seven"), "must hold integers from 0 to 255; got 'seven' in line 4, column 1"),
        (lambda text: _with(text, 4, 1, "1.5"), "must hold integers from 0 to 255; got '1.5' in line 4, column 1"),
        (lambda text: _with(text, 4, 9, "7,7"), "line 4 has 786 numbers, and those before it 785"),
        (lambda text: text.split("\n", 1)[0] + "\n", "must have 785 numbers in each line below its first; got"),
    ],
)
def test_csv_files_with_something_else_in_them(tmp_path, change, sentence):
    write_kaggle(tmp_path, TRAIN, TEST[0])
    file = tmp_path / "train.csv"
    file.write_text(change(file.read_text()))
    assert sentence in refused(file)
    with pytest.raises(ValueError, match=r"train\.csv"):
        MNISTDataModule(str(tmp_path))


def _with(text, line, column, cell):
    """The text with another cell in that line and column, both counted from 1."""
    lines = [row.split(",") for row in text.split("\n")]
    lines[line - 1][column - 1] = cell
    return "\n".join(",".join(row) for row in lines)


class TestParquet:
    @pytest.fixture(autouse=True)
    def _needs_pyarrow(self):
        pytest.importorskip("pyarrow")

    def test_other_columns(self, tmp_path):
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(pa.table({"img": [b"", b""], "label": [0, 1]}), tmp_path / "a.parquet")
        assert "it lacks the column image, and has img, label" in refused(tmp_path / "a.parquet")

    @pytest.mark.parametrize(
        ("image", "label", "sentence"),
        [
            (b"no picture", 1, "the picture in row 1 of "),
            (None, 1, "must hold the content of a picture in each row; row 1 has none"),
            ("path.png", 1, "must hold the content of a picture in each row; row 1 has none"),
            (b"", "one", "must hold an integer for each image as its label; got object"),
            (b"", 1.5, "must hold an integer for each image as its label; got float64"),
            (b"", None, "must hold an integer for each image as its label; got "),
        ],
    )
    def test_other_content(self, tmp_path, image, label, sentence):
        import pyarrow as pa
        from pyarrow import parquet

        labels = [label if i % 2 else type(label)() if label is not None else None for i in range(20)]
        parquet.write_table(pa.table({"image": [image] * 20, "label": labels}), tmp_path / "a.parquet")
        assert sentence in refused(tmp_path / "a.parquet")

    def test_without_pyarrow(self, tmp_path, monkeypatch):
        write_parquet(tmp_path / "a.parquet", *TRAIN)

        def missing(name):
            raise ImportError(name)

        monkeypatch.setattr(parquet_files, "import_module", missing)
        with pytest.raises(ValueError, match=r"^Parquet files need pyarrow: pip install 'mnist-mlp\[parquet\]'$"):
            MNISTDataModule(str(tmp_path / "a.parquet"))


class TestPictureFolders:
    def test_one_class(self, tmp_path):
        write_pictures(tmp_path / "a", TRAIN[0], TRAIN[1] * 0, "x")
        assert "has one class, x: a network learns to tell two or more apart" in refused(tmp_path / "a")

    def test_a_class_of_one_picture(self, tmp_path):
        write_pictures(tmp_path / "a", TRAIN[0][:3], np.array([0, 0, 1]), "xy")
        assert f"{tmp_path / 'a' / 'y'} must hold at least 2 pictures" in refused(tmp_path / "a")

    @pytest.mark.parametrize("content", [b"", b"no picture", png(TRAIN[0][0])[:-40], b"GIF89a"])
    def test_a_broken_picture(self, tmp_path, content):
        write_pictures(tmp_path / "a", *TRAIN, "0123456789")
        (tmp_path / "a" / "3" / "broken.png").write_bytes(content)
        sentence = refused(tmp_path / "a")
        assert f"{tmp_path / 'a' / '3' / 'broken.png'} is not a picture that can be learned from" in sentence

    def test_an_empty_picture(self, tmp_path):
        write_pictures(tmp_path / "a", *TRAIN, "0123456789")
        (tmp_path / "a" / "3" / "white.png").write_bytes(png(np.full((90, 90), 255, np.uint8)))
        assert f"{tmp_path / 'a' / '3' / 'white.png'} is empty: nothing stands out of its" in refused(tmp_path / "a")

    def test_folders_without_pictures(self, tmp_path):
        (tmp_path / "a" / "b" / "c").mkdir(parents=True)
        (tmp_path / "a" / "b" / "notes.txt").touch()
        assert "its folders b hold no picture" in refused(tmp_path / "a")

    def test_a_class_that_is_only_tested(self, tmp_path):
        write_pictures(tmp_path / "train", *arrays(6, 2), "xy")
        write_pictures(tmp_path / "test", *arrays(6, 3), "xyz")
        assert f"{tmp_path / 'test' / 'z'} is of no class that trains: these are x, y" in refused(tmp_path, "test")
