"""Images from any file or folder: what is written is read, as it was written."""

import string

import numpy as np
import pytest
import torch
from data_files import (
    arrays,
    csv_text,
    nielsens_pickle,
    png,
    write_idx,
    write_kaggle,
    write_npz,
    write_parquet,
    write_pictures,
)
from PIL import Image, ImageDraw

from mnist_mlp import MNISTDataModule
from mnist_mlp.data.arrays import checked_images
from mnist_mlp.data.device_loader import DeviceLoader
from mnist_mlp.data.images import DIGITS
from mnist_mlp.data.sources import find_source, read_dataset
from mnist_mlp.handwriting import find_digits

TRAIN, VAL, TEST = arrays(60), arrays(20, seed=1), arrays(20, seed=2)


def is_what_was_written(data, written):
    images, labels = written
    return np.array_equal(data.images.numpy(), images.reshape(len(images), -1)) and data.labels.tolist() == [*labels]


def idx(folder):
    return write_idx(folder / "some", TRAIN, TEST)


def packed_idx(folder):
    return write_idx(folder / "some", TRAIN, TEST, packed=True)


def old_idx(folder):
    return write_idx(folder / "some", TRAIN, TEST, dot=True)


def npz(folder):
    return write_npz(folder / "some.npz", TRAIN, TEST)


def npz_of_fractions(folder):
    train, test = ((images.astype(np.float32) / 255, labels) for images, labels in (TRAIN, TEST))
    return write_npz(folder / "some.npz", train, test)


def npz_of_256ths(folder):
    train, test = ((images / 256, labels) for images, labels in (TRAIN, TEST))
    return write_npz(folder / "some.npz", train, test)


def csv(folder):
    (folder / "train.csv").write_text(csv_text(*TRAIN))
    (folder / "test.csv").write_text(csv_text(*TEST))
    return folder


def csv_of_a_spreadsheet(folder):
    for part, written in (("train", TRAIN), ("test", TEST)):
        text = csv_text(*written).replace("\n", "\r\n")
        (folder / f"mnist_{part}.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    return folder


def parquet(folder):
    pytest.importorskip("pyarrow")
    write_parquet(folder / "data" / "train-00000-of-00002.parquet", TRAIN[0][:25], TRAIN[1][:25])
    write_parquet(folder / "data" / "train-00001-of-00002.parquet", TRAIN[0][25:], TRAIN[1][25:])
    write_parquet(folder / "data" / "test-00000-of-00001.parquet", *TEST)
    return folder


KINDS = [idx, packed_idx, old_idx, npz, npz_of_fractions, npz_of_256ths, csv, csv_of_a_spreadsheet, parquet]


@pytest.mark.parametrize("write", KINDS, ids=lambda write: write.__name__)
def test_what_is_written_is_read(write, tmp_path):
    source = find_source(str(write(tmp_path)), tmp_path)
    assert source.class_names == DIGITS
    assert is_what_was_written(source.read(True), TRAIN)
    assert is_what_was_written(source.read(False), TEST)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float16, np.float32, np.float64])
def test_binary_images_are_black_and_white_whatever_their_type(tmp_path, dtype):
    binary = [((images > 127).astype(dtype), labels) for images, labels in (TRAIN, TEST)]
    source = find_source(str(write_npz(tmp_path / "some.npz", *binary)), tmp_path)
    assert is_what_was_written(source.read(True), (255 * (TRAIN[0] > 127), TRAIN[1]))


def test_fractions_of_which_one_is_1_were_divided_by_255(tmp_path):
    images = np.zeros((2, 28, 28), dtype=np.float32)
    images[0, 0, :3] = 0, 0.5, 1
    assert checked_images(images, tmp_path)[0, :3].tolist() == [0, 128, 255]


@pytest.mark.parametrize("ending", [".pkl.gz", ".pkl"])
def test_nielsens_pickle_keeps_its_own_validation_images(tmp_path, ending):
    import gzip

    path, content = tmp_path / f"some{ending}", nielsens_pickle(TRAIN, VAL, TEST)
    path.write_bytes(content if ending.endswith(".gz") else gzip.decompress(content))
    data = MNISTDataModule(str(path), batch_size=8)
    data.setup()
    assert is_what_was_written(data.train_images, TRAIN)
    assert is_what_was_written(data.val_images, VAL)
    assert is_what_was_written(data.test_images, TEST)
    assert data.val_size == 20
    other = MNISTDataModule(str(path), batch_size=8, val_size=30)
    other.setup("fit")
    assert len(other.train_images.labels) == 50
    assert is_what_was_written(
        other.val_images, [np.concatenate(parts)[-30:] for parts in zip(TRAIN, VAL, strict=True)]
    )


def test_a_sixth_of_the_training_images_validates_by_default(tmp_path):
    data = MNISTDataModule(str(npz(tmp_path)), batch_size=8)
    assert data.val_size is None
    data.setup("fit")
    assert (len(data.train_images.labels), len(data.val_images.labels), data.val_size) == (50, 10, 10)
    few = MNISTDataModule(str(write_npz(tmp_path / "few.npz", arrays(4, 2), TEST)), batch_size=1)
    few.setup("fit")
    assert few.val_size == 1


def test_labels_that_do_not_begin_at_0_become_classes(tmp_path):
    path = write_npz(tmp_path / "letters.npz", arrays(52, 26, first=1), arrays(26, 26, first=1))
    source = find_source(str(path), tmp_path)
    assert source.class_names == tuple(map(str, range(1, 27)))
    assert source.read(True).labels.tolist() == [*range(26)] * 2


def test_kaggles_images_without_labels_are_those_that_are_predicted(tmp_path):
    write_kaggle(tmp_path, TRAIN, TEST[0])
    data = MNISTDataModule(str(tmp_path), batch_size=8)
    data.setup("predict")
    loader = data.predict_dataloader()
    assert isinstance(loader, DeviceLoader)
    x = torch.cat([x for x, _ in loader])
    assert torch.equal(x, torch.from_numpy(TEST[0]).flatten(1).float() / 255)
    with pytest.raises(
        ValueError, match=r"test.csv has no labels, so that nothing can be tested on it: mnist-mlp pred"
    ):
        data.setup("test")


@pytest.mark.parametrize("write", [csv, parquet], ids=["csv", "parquet"])
def test_of_a_file_alone_every_seventh_image_of_a_class_tests(write, tmp_path):
    images, labels = arrays(90, 10)
    path = tmp_path / f"some.{write.__name__}"
    if write is csv:
        path.write_text(csv_text(images, labels))
    else:
        pytest.importorskip("pyarrow")
        write_parquet(path, images, labels)
    tests = np.arange(90) // 10 % 7 == 1
    source = find_source(str(path), tmp_path)
    assert is_what_was_written(source.read(False), (images[tests], labels[tests]))
    assert is_what_was_written(source.read(True), (images[~tests], labels[~tests]))


def test_images_that_are_sorted_by_class_are_mixed_and_keep_their_labels(tmp_path):
    images, labels = arrays(60)
    order = np.argsort(labels, kind="stable")
    data = read_dataset(str(write_npz(tmp_path / "a.npz", (images[order], labels[order]), TEST)), tmp_path, True)
    assert len(set(data.labels[-10:].tolist())) > 3
    found = {(bytes(image.numpy()), int(label)) for image, label in zip(data.images, data.labels, strict=True)}
    assert found == {(image.tobytes(), label) for image, label in zip(images, labels.tolist(), strict=True)}
    again = read_dataset(str(tmp_path / "a.npz"), tmp_path, True)
    assert torch.equal(data.images, again.images)


@pytest.mark.parametrize("folder", ["latest", "contest", "pretrained", "train", "a test of mine/2024", "."])
def test_the_part_of_a_parquet_file_stands_in_its_own_name_first(tmp_path, folder):
    pytest.importorskip("pyarrow")
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    write_parquet(tmp_path / folder / "mnist-train-0.parquet", *TRAIN)
    write_parquet(tmp_path / folder / "test_0.parquet", *TEST)
    source = find_source(str(tmp_path), tmp_path)
    assert is_what_was_written(source.read(True), TRAIN)
    assert is_what_was_written(source.read(False), TEST)


def test_a_part_that_stands_inside_a_word_is_none(tmp_path):
    pytest.importorskip("pyarrow")
    write_parquet(tmp_path / "contest.parquet", TRAIN[0][:25], TRAIN[1][:25])
    write_parquet(tmp_path / "train.parquet", TRAIN[0][25:], TRAIN[1][25:])
    write_parquet(tmp_path / "test.parquet", *TEST)
    source = find_source(str(tmp_path), tmp_path)
    assert is_what_was_written(source.read(True), TRAIN)
    assert is_what_was_written(source.read(False), TEST)


def test_the_part_of_a_parquet_file_may_be_the_name_of_its_folder(tmp_path):
    pytest.importorskip("pyarrow")
    for part, written in (("latest/train", TRAIN), ("latest/test", TEST)):
        (tmp_path / part).mkdir(parents=True)
        write_parquet(tmp_path / part / "0.parquet", *written)
    assert is_what_was_written(find_source(str(tmp_path), tmp_path).read(False), TEST)


def test_parquet_files_name_their_classes_and_bring_validation_images(tmp_path):
    pytest.importorskip("pyarrow")
    names = ["cat", "dog", "never seen"]
    for part, (images, labels) in (("train", arrays(20, 2)), ("validation", arrays(6, 2, 1)), ("test", arrays(4, 2))):
        write_parquet(tmp_path / f"{part}-0.parquet", images, labels, names)
    data = MNISTDataModule(str(tmp_path), batch_size=8)
    data.setup()
    assert data.class_names == ("cat", "dog", "never seen")
    assert data.num_classes == 3
    assert is_what_was_written(data.train_images, arrays(20, 2))
    assert is_what_was_written(data.val_images, arrays(6, 2, 1))
    assert is_what_was_written(data.test_images, arrays(4, 2))


def images_by_class(data):
    pairs = zip(data.images, data.labels.tolist(), strict=True)
    return sorted((label, bytes(image.numpy())) for image, label in pairs)


class TestPictureFolders:
    def test_folders_name_the_classes(self, tmp_path):
        images, labels = arrays(60, 26)
        source = find_source(str(write_pictures(tmp_path / "a b", images, labels, string.ascii_lowercase)), tmp_path)
        assert source.name == "a b"
        assert source.class_names == tuple(string.ascii_lowercase)
        train, test = source.read(True), source.read(False)
        assert len(test.labels) == 26
        assert sorted(test.labels.tolist()) == [*range(26)]
        written = sorted((int(label), image.tobytes()) for image, label in zip(images, labels, strict=True))
        assert sorted(images_by_class(train) + images_by_class(test)) == written

    def test_train_val_and_test_stay_what_they_are(self, tmp_path):
        for part, written in (("train", arrays(12, 3)), ("val", arrays(6, 3, 1)), ("test", arrays(3, 3, 2))):
            write_pictures(tmp_path / part, *written, "abc")
        data = MNISTDataModule(str(tmp_path), batch_size=8)
        data.setup()
        assert data.val_size == 6
        assert (data.train_images.labels.diff() < 0).any(), "the images that train are mixed"
        for part, (images, labels) in (
            (data.train_images, arrays(12, 3)),
            (data.val_images, arrays(6, 3, 1)),
            (data.test_images, arrays(3, 3, 2)),
        ):
            assert images_by_class(part) == sorted(zip(labels.tolist(), map(bytes, images), strict=True))

    def test_numbers_are_in_their_order(self, tmp_path):
        write_pictures(tmp_path / "a", *arrays(24, 12), [str(i) for i in range(12)])
        assert find_source(str(tmp_path / "a"), tmp_path).class_names == tuple(map(str, range(12)))

    def test_what_is_no_picture_is_passed_over(self, tmp_path):
        write_pictures(tmp_path / "a", *arrays(4, 2), "xy")
        (tmp_path / "a" / "x" / "notes.txt").write_text("no picture")
        (tmp_path / "a" / "x" / ".hidden.png").write_text("no picture")
        (tmp_path / "a" / ".git").mkdir()
        assert len(read_dataset(str(tmp_path / "a"), tmp_path, True).labels) == 2

    def test_a_larger_picture_is_made_as_predict_makes_it(self, tmp_path):
        for name in "lv":
            (tmp_path / "a" / name).mkdir(parents=True)
        for i in range(2):
            paper = Image.new("RGB", (200, 150), (220, 215, 200))
            ImageDraw.Draw(paper).line((90 + i, 30, 100, 120), (30, 30, 60), 9)
            paper.save(tmp_path / "a" / "l" / f"{i}.jpg")
            ImageDraw.Draw(paper).line((140, 30, 100, 120), (30, 30, 60), 9)
            paper.save(tmp_path / "a" / "v" / f"{i}.jpg")
        data = read_dataset(str(tmp_path / "a"), tmp_path, False)
        assert data.labels.tolist() == [0, 1]
        for image, name in zip(data.images, "lv", strict=True):
            (digit,) = find_digits(tmp_path / "a" / name / "1.jpg")
            assert np.array_equal(image.numpy().reshape(28, 28), digit.image)

    def test_colours_become_grey(self, tmp_path):
        (tmp_path / "a" / "x").mkdir(parents=True)
        (tmp_path / "a" / "y").mkdir()
        colours = np.zeros((28, 28, 3), np.uint8)
        colours[:, :14] = 200
        colours[:, 14:, 0] = 255
        for name in ("x/1", "x/2", "y/1", "y/2"):
            (tmp_path / "a" / f"{name}.png").write_bytes(png(colours))
        image = read_dataset(str(tmp_path / "a"), tmp_path, False).images[0].view(28, 28)
        assert (image[0, 0].item(), image[0, 20].item()) == (200, 76)


def test_a_name_wins_over_a_folder_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_npz(tmp_path / "digits", TRAIN, TEST)
    assert find_source("digits", tmp_path).path is None
