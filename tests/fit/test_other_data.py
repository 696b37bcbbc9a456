"""Data with other classes than ten digits, from `fit` to the last page."""

import csv
import string

import numpy as np
import pytest
import torch
from data_files import arrays, write_idx, write_kaggle, write_npz, write_pictures
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mnist_mlp.cli import main
from mnist_mlp.data import recognition
from mnist_mlp.data.recognition import md5_in_any_order
from mnist_mlp.data.sources import read_dataset
from mnist_mlp.fit import prepare

LETTERS = string.ascii_lowercase


def easy(n, num_classes, seed=0):
    """Images whose class is told by where a bar stands, and their labels."""
    images, labels = arrays(n, num_classes, seed)
    images //= 8
    for image, label in zip(images, labels, strict=True):
        image[label % 28] = 255
    return images, labels


@pytest.fixture
def folder(tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fit(path, *args, hidden="[40]", epochs=8):
    model = [f"--model.hidden_sizes={hidden}", "--model.optimizer=Adam", "--model.optimizer.lr=0.01"]
    trainer = ["--trainer.enable_progress_bar=false", "--trainer.accelerator=cpu", f"--trainer.max_epochs={epochs}"]
    main(["fit", *model, *trainer, f"--data.dataset={path}", "--data.batch_size=26", *args])


def refused(command, *args):
    """The one line that a command ends with."""
    with pytest.raises(SystemExit) as caught:
        command(*args)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


@pytest.fixture
def letters(folder):
    """The folder of a run on 26 letters, in folders of pictures."""
    write_pictures(folder / "letters", *easy(624, 26), LETTERS)
    fit("letters", "--data.steps_per_execution=auto")
    return folder / "logs" / "letters" / "version_0"


def test_twenty_six_letters_from_fit_to_the_last_page(letters, capsys):
    stored = torch.load(letters / "checkpoints" / "best.ckpt", weights_only=True)
    assert stored["MNISTDataModule"] == {"mean": 0.0, "std": 1.0, "class_names": [*LETTERS], "dataset": "letters"}
    assert stored["hyper_parameters"]["num_classes"] == 26
    tags = EventAccumulator(str(letters), size_guidance={"tensors": 0, "images": 0}).Reload()
    assert {f"val/precision_recall_{name}" for name in LETTERS} <= {*tags.Tags()["tensors"]}
    assert tags.Images("val/confusions")[-1].width == 46 + 26 * 30 + 8
    assert b"| data | letters |" in tags.Tensors("environment/text_summary")[0].tensor_proto.string_val[0]
    assert set((letters / "projector" / "labels.tsv").read_text().split()) <= {*LETTERS}

    for command in ("validate", "test"):
        main([command])
        assert "checkpoint logs/letters/version_0/checkpoints/best.ckpt" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["predict"])
    with (letters / "predictions.csv").open() as file:
        rows = [*csv.DictReader(file)]
    assert len(rows) == (624 - 26 * 4) // 6
    assert sum(row["label"] == row["predicted"] for row in rows) > 0.9 * len(rows)
    assert {row["label"] for row in rows} <= {*LETTERS}
    main(["fit", "--ckpt_path=last", "--trainer.max_epochs=9"])
    assert "784-40-26 relu, cross_entropy, 32,466 parameters, on letters" in capsys.readouterr().out


def test_the_report_of_letters(letters):
    pytest.importorskip("matplotlib")
    with pytest.raises(SystemExit, match="0"):
        main(["report", str(letters)])
    assert "| data | letters |" not in (letters / "report.html").read_text()
    assert "letters</td>" in (letters / "report.html").read_text()


@pytest.mark.parametrize("gradients", ["autograd", "manual"])
def test_gradients_of_letters_are_verified(folder, gradients, capsys):
    write_npz(folder / "letters.npz", easy(208, 26), easy(26, 26, 1))
    (folder / "letters.yaml").write_text(f"model: {{hidden_sizes: [8], gradients: {gradients}}}")
    with pytest.raises(SystemExit, match="0"):
        main(["verify", "--config=letters.yaml", "--data.dataset=letters.npz", "--data.batch_size=26"])
    assert "all agree" in capsys.readouterr().out


def test_mnist_in_another_file_is_called_mnist(folder, monkeypatch, capsys):
    write_npz(folder / "some.npz", arrays(60), arrays(20, seed=1))
    sums = {n: md5_in_any_order(read_dataset("some.npz", folder, n == 60)) for n in (60, 20)}
    monkeypatch.setattr(recognition, "MNIST_SUMS", sums)
    fit("some.npz", epochs=1)
    assert "parameters, on mnist" in capsys.readouterr().out
    stored = torch.load("logs/some.npz/version_0/checkpoints/last.ckpt", weights_only=True)
    assert stored["MNISTDataModule"]["dataset"] == "mnist"
    assert stored["datamodule_hyper_parameters"]["dataset"] == "some.npz"


def test_what_only_says_it_is_mnist_is_not_called_so(folder, capsys):
    write_idx(folder / "data" / "mnist", arrays(60), arrays(20, seed=1))
    fit("data/mnist", epochs=1)
    assert "parameters, on mnist (not MNIST)" in capsys.readouterr().out
    assert (folder / "logs" / "mnist" / "version_0").exists()


def test_kaggles_submission(folder, capsys):
    unlabelled, labels = easy(30, 10, seed=3)
    write_kaggle(folder / "kaggle", easy(260, 10), unlabelled)
    fit("kaggle")
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["predict"])
    submission = folder / "logs" / "kaggle" / "version_0" / "submission.csv"
    assert "30 images without labels · logs/kaggle/version_0/submission.csv" in capsys.readouterr().out
    first, *lines = submission.read_text().splitlines()
    assert first == "ImageId,Label"
    assert [line.split(",")[0] for line in lines] == [str(i + 1) for i in range(30)]
    assert np.mean([line.split(",")[1] == str(label) for line, label in zip(lines, labels, strict=True)]) > 0.9
    assert "test.csv has no labels, so that nothing can be tested on it" in refused(main, ["test"])


def test_a_network_is_not_tested_on_other_classes(letters, folder):
    write_npz(folder / "numbers.npz", arrays(52, 26), arrays(26, 26, seed=1))
    sentence = refused(main, ["test", "--data.dataset=numbers.npz"])
    assert "the checkpoint's classes are a, b, c, d, e, f, g, h, i, j" in sentence
    assert "and those of numbers.npz are 0, 1, 2" in sentence
    sentence = refused(main, ["test", "--data.dataset=digits"])
    assert "model.num_classes must be 10, the classes of digits; got 26" in sentence


@pytest.mark.parametrize("num_classes", [2, 62])
def test_few_classes_and_many(folder, num_classes):
    write_npz(folder / "some.npz", easy(62 * 8, num_classes), easy(62, num_classes, 1))
    fit("some.npz", epochs=1)
    assert prepare("test", ckpt_path="best").model.mlp.sizes == (784, 40, num_classes)


def test_larger_images_need_no_more_settings(folder):
    session = prepare(data={"dataset": "digits", "image_size": 30}, model={"hidden_sizes": [5]})
    assert session.model.mlp.sizes == (900, 5, 10)


def test_bad_data_leaves_nothing_behind(folder):
    write_npz(folder / "some.npz", arrays(60), arrays(20))
    (folder / "some.npz").write_bytes((folder / "some.npz").read_bytes()[:-100])
    assert "some.npz cannot be read as an archive of NumPy arrays: " in refused(fit, "some.npz")
    assert [path.name for path in folder.iterdir()] == ["some.npz"]
