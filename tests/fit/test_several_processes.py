"""Two processes that share the images, started as users start them: by `--trainer.devices 2`."""

import re
import shutil
import subprocess
import sys
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from mnist_mlp.dashboard.run_log import read_run
from mnist_mlp.data.module import MNISTDataModule
from mnist_mlp.fit import prepare

CALM = ["--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false", "--data.val_size", "299"]
TWO = ["--trainer.devices", "2"]


@pytest.fixture
def runs(digits_run, tmp_path, monkeypatch):
    """A folder of its own, with a run in logs/."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(digits_run, tmp_path / "logs")
    return tmp_path / "logs"


def said_by_one(capfd, command):
    prepare(command, typed=CALM).execute()
    return capfd.readouterr().out


def said_by_two(*words):
    args = [sys.executable, "-m", "mnist_mlp", *words, *CALM, *TWO]
    return subprocess.run(args, capture_output=True, text=True, check=True, timeout=240).stdout


def test_predict_gathers_the_images_of_both_and_writes_once(runs, capfd, without_shape_checks):
    (folder,) = runs.glob("*/version_0")
    one = said_by_one(capfd, "predict")
    table = (folder / "predictions.csv").read_text()
    (folder / "predictions.csv").unlink()
    assert said_by_two("predict") == one
    assert "299 validation images, 9" in one
    assert (folder / "predictions.csv").read_text() == table


@pytest.mark.parametrize("command", ["validate", "test"])
def test_both_measure_what_one_measures_and_say_so_once(runs, capfd, without_shape_checks, command):
    one, two = said_by_one(capfd, command), said_by_two(command)
    number = r"\d+\.\d+(?:e-\d+)?"
    assert re.sub(number, "", two).split() == re.sub(number, "", one).split()
    expected = [float(found) for found in re.findall(number, one)]
    assert len(expected) == 2
    assert [float(found) for found in re.findall(number, two)] == pytest.approx(expected, rel=1e-6)


def test_images_that_are_too_few_to_be_shared_are_refused(tiny_mnist):
    data = MNISTDataModule(val_size=2, batch_size=8)
    data.setup("fit")
    strategy = SimpleNamespace(root_device=torch.device("cpu"))
    data.trainer = cast(Any, SimpleNamespace(global_rank=0, world_size=3, strategy=strategy))
    with pytest.raises(ValueError, match="3 processes cannot share 2 images of mnist; use at most 2"):
        data.val_dataloader()


def test_the_dashboard_shows_the_gradients_of_the_images_of_both(tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)
    recipe = ["--model.hidden_sizes=[6]", "--data.dataset=digits", "--trainer.max_epochs=1"]
    prepare("fit", typed=[*recipe, "--name=one", "--data.batch_size=32", *CALM]).execute()
    said_by_two("fit", *recipe, "--name=two", "--data.batch_size=16")
    one, two = (read_run(tmp_path / "logs" / name / "version_0").scalars for name in ("one", "two"))
    tags = [f"{kind}/layer_{layer}" for kind in ("gradient_norm", "update_ratio") for layer in (1, 2)]
    expected, found = ([curves[tag][1][0] for tag in tags] for curves in (one, two))
    assert found == pytest.approx(expected, rel=1e-5)
