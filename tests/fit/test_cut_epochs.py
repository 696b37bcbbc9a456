"""A run that a limit stops inside an epoch, and that is continued, is the run that was never stopped."""

from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mnist_mlp.fit import prepare

SETTINGS = {
    "model": {
        "hidden_sizes": [20],
        "dropout": 0.2,
        "optimizer": {"class_path": "SGD", "init_args": {"lr": 0.1, "momentum": 0.5}},
        "scheduler": {"class_path": "ExponentialLR", "init_args": {"gamma": 0.7}},
    },
    "dashboard": {"enabled": False},
}
QUIET = {"accelerator": "cpu", "enable_progress_bar": False, "max_epochs": 3}
BATCHES = 12  # in an epoch: 1,137 images, 100 at a time


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)


def fit(name, block="auto", **trainer):
    data = {"dataset": "digits", "val_size": 300, "batch_size": 100, "steps_per_execution": block}
    prepare("fit", **SETTINGS, data=data, name=name, trainer={**QUIET, **trainer}).execute()
    return Path("logs") / name / "version_0"


def go_on(folder, **trainer):
    path = folder / "checkpoints" / "last.ckpt"
    prepare("fit", ckpt_path=str(path), trainer={**QUIET, "max_steps": -1, **trainer}).execute()


def stored(folder, name="last"):
    return torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)


def scalars(folder):
    """All scalars of a run by tag; file by file, since TensorBoard sorts those of one second and process by name."""
    found = {}
    for file in folder.glob("events*"):
        events = EventAccumulator(str(file)).Reload()
        for tag in events.Tags()["scalars"]:
            found.setdefault(tag, []).extend((e.step, e.value) for e in events.Scalars(tag))
    return {tag: sorted(points) for tag, points in found.items()}


def check_same(cut, whole):
    a, b = stored(cut), stored(whole)
    assert (a["epoch"], a["global_step"]) == (b["epoch"], b["global_step"]) == (2, 3 * BATCHES)
    assert all(torch.equal(a["state_dict"][name], value) for name, value in b["state_dict"].items())
    assert a["lr_schedulers"] == b["lr_schedulers"]
    assert stored(cut, "best")["global_step"] == stored(whole, "best")["global_step"]


@pytest.mark.parametrize("block", [1, 5, "auto"])
def test_the_rest_of_the_epoch_is_trained_on(block):
    whole = fit("whole", block)
    for k in (1, 7, 11, 12, 13, 25, 35):
        cut = fit(f"cut{k}", block, max_steps=k)
        assert stored(cut)["global_step"] == k
        go_on(cut)
        check_same(cut, whole)
        # at the ends of the epochs; where it was cut, the part before is logged, too
        logged, expected = scalars(cut), scalars(whole)
        for tag in ("train/loss", "train/acc", "val/loss", "val/acc"):
            assert [each for each in logged[tag] if each[0] != k - 1 or k % BATCHES == 0] == expected[tag]


def test_it_may_be_cut_again_and_again():
    whole, cut = fit("whole"), fit("cut", max_steps=5)
    for k in (8, 9, 20, 24, 31):
        go_on(cut, max_steps=k)
        assert stored(cut)["global_step"] == k
    go_on(cut)
    check_same(cut, whole)


def test_accumulated_gradients():
    whole, cut = fit("whole", accumulate_grad_batches=2), fit("cut", accumulate_grad_batches=2, max_steps=2)
    go_on(cut, accumulate_grad_batches=2)
    a, b = stored(cut), stored(whole)
    assert a["global_step"] == b["global_step"] == 18
    assert all(torch.equal(a["state_dict"][name], value) for name, value in b["state_dict"].items())
