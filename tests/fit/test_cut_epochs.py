"""A run that a limit stops inside an epoch, and that is continued, is the run that was never stopped."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from mnist_mlp.fit import prepare
from mnist_mlp.fit.checkpoint_files import SafeCheckpointIO
from mnist_mlp.fit.run_folder import find_checkpoint

MODEL = {
    "hidden_sizes": [20],
    "dropout": 0.2,
    "optimizer": {"class_path": "SGD", "init_args": {"lr": 0.1, "momentum": 0.5}},
    "scheduler": {"class_path": "ExponentialLR", "init_args": {"gamma": 0.7}},
}
QUIET = {"accelerator": "cpu", "enable_progress_bar": False, "max_epochs": 3}
AT_THE_END = "val/calibration_error"  # measured where a training ends
BATCHES = 12  # in an epoch: 1,137 images, 100 at a time


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)


def fit(name, block: int | str = "auto", **trainer):
    data = {"dataset": "digits", "val_size": 300, "batch_size": 100, "steps_per_execution": block}
    prepare("fit", model=MODEL, data=data, name=name, trainer={**QUIET, **trainer}).execute()
    return Path("logs") / name / "version_0"


def go_on(folder, **trainer):
    path = folder / "checkpoints" / "last.ckpt"
    prepare("fit", ckpt_path=str(path), trainer={**QUIET, "max_steps": -1, **trainer}).execute()


def stored(folder, name="last"):
    return torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)


def scalars(folder):
    """All scalars of a run but those of its speed, as TensorBoard shows them: a start at a step replaces the rest."""
    files = [[*EventFileLoader(str(file)).Load()] for file in folder.glob("events*")]
    found = {}
    for event in (event for file in sorted(files, key=lambda events: events[0].wall_time) for event in file):
        if event.session_log.status == 1:  # a start
            found = {tag: [point for point in points if point[0] < event.step] for tag, points in found.items()}
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == "scalars" and not value.tag.startswith("time/"):
                found.setdefault(value.tag, []).append((event.step, value.tensor.float_val[0]))
    return found


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
        logged, expected = scalars(cut), scalars(whole)
        assert {*logged.pop(AT_THE_END)} >= {*expected.pop(AT_THE_END)}  # an epoch's end may have been the end
        # the costs of a block are added at once: where one was cut they are added in another order
        losses, expected_losses = logged.pop("train/loss"), expected.pop("train/loss")
        assert np.allclose(losses, expected_losses, rtol=0 if block == 1 else 1e-6, atol=0)
        assert logged == expected


def test_what_was_measured_over_an_epoch_stands_at_its_last_step():
    logged = scalars(fit("whole"))
    for tag in ("train/loss", "train/acc", "val/loss", "val/acc"):
        assert [step for step, _ in logged[tag]] == [BATCHES - 1, 2 * BATCHES - 1, 3 * BATCHES - 1]


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


def fit_and_kill(monkeypatch, file, step, **settings):
    """An undisturbed run, and what a process that is killed after it has written a checkpoint leaves of it."""
    save = SafeCheckpointIO.save_checkpoint

    def save_and_keep(self, checkpoint, path, storage_options=None):
        save(self, checkpoint, path, storage_options)
        if checkpoint["global_step"] == step and Path(path).name == file:
            shutil.copytree("logs/whole", "logs/killed")

    with monkeypatch.context() as patched:
        patched.setattr(SafeCheckpointIO, "save_checkpoint", save_and_keep)
        whole = fit("whole", **settings)
    return whole, Path("logs/killed/version_0")


def test_a_kill_just_after_a_checkpoint_was_written_loses_no_metric(monkeypatch):
    whole, killed = fit_and_kill(monkeypatch, "last.ckpt", BATCHES)
    go_on(killed)
    check_same(killed, whole)
    assert scalars(killed) == scalars(whole)


def test_the_last_checkpoint_may_be_one_inside_an_epoch(monkeypatch):
    own = {"class_path": "ModelCheckpoint", "init_args": {"every_n_train_steps": 5, "filename": "mid"}}
    whole, killed = fit_and_kill(monkeypatch, "mid.ckpt", BATCHES + 3, block=1, callbacks=[own])
    assert find_checkpoint("last", Path("logs"), "killed") == killed / "checkpoints" / "mid.ckpt"
    assert find_checkpoint("last", Path("logs"), "whole") == whole / "checkpoints" / "last.ckpt"
    prepare("fit", ckpt_path="last", name="killed", trainer=QUIET).execute()
    check_same(killed, whole)
    assert scalars(killed) == scalars(whole)


@pytest.mark.parametrize("damage", [lambda last: None, Path.unlink, lambda last: last.write_bytes(b"half")])
def test_a_kill_between_the_best_and_the_last_checkpoint_of_a_training_leaves_both(monkeypatch, damage):
    once = {"check_val_every_n_epoch": 3}  # so that the best epoch is the last
    whole, killed = fit_and_kill(monkeypatch, "best.ckpt", 3 * BATCHES, **once)
    last = killed / "checkpoints" / "last.ckpt"
    assert stored(killed)["epoch"] == 1
    damage(last)
    prepare("fit", ckpt_path=str(last.with_name("best.ckpt")), trainer={**QUIET, **once}).execute()
    check_same(killed, whole)
    assert scalars(killed) == scalars(whole)
