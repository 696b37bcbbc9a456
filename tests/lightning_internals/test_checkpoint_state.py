"""Fails where a ModelCheckpoint keeps other things than `moved` knows: it would then lose a run's best checkpoint."""

from pathlib import Path

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from mnist_mlp.lightning_internals.checkpoint_state import PATHS, best_score, moved

KEYS = {*PATHS, "best_k_models", "dirpath", "monitor", "best_model_score", "current_score", "kth_value"}


def checkpoint_of(folder):
    """A ModelCheckpoint that has written its best checkpoint into a folder."""
    callback = ModelCheckpoint(folder, monitor="val/acc", mode="max")
    path = f"{callback.dirpath}/best.ckpt"
    callback.best_model_path = callback.kth_best_model_path = path
    callback.best_model_score = callback.kth_value = torch.tensor(0.9)
    callback.best_k_models = {path: torch.tensor(0.9)}
    return callback


def test_a_model_checkpoint_keeps_these_and_nothing_else():
    assert checkpoint_of("here").state_dict().keys() == KEYS


def test_a_state_that_was_moved_is_taken_whole():
    there = ModelCheckpoint("there", monitor="val/acc", mode="max")
    there.load_state_dict(moved(checkpoint_of("here").state_dict(), str(there.dirpath)))
    path = str(Path("there").resolve() / "best.ckpt")
    assert (there.best_model_path, there.kth_best_model_path, there.last_model_path) == (path, path, "")
    assert there.best_k_models == {path: torch.tensor(0.9)}
    assert (there.best_model_score, there.kth_value) == (torch.tensor(0.9), torch.tensor(0.9))


def test_that_is_why_it_must_be_moved():
    there = ModelCheckpoint("there", monitor="val/acc", mode="max")
    with pytest.warns(UserWarning, match="The dirpath has changed"):
        there.load_state_dict(checkpoint_of("here").state_dict())
    assert there.best_model_score is None


def test_a_state_without_a_key_is_refused():
    state = checkpoint_of("here").state_dict()
    for key in (*PATHS, "best_k_models"):
        with pytest.raises(KeyError, match=key):
            moved({name: value for name, value in state.items() if name != key}, "there")


def test_the_best_score_is_that_of_the_metric():
    states = {
        "ModelCheckpoint of nothing": {"monitor": None, "best_model_score": None},
        "ModelCheckpoint of loss": {"monitor": "val/loss", "best_model_score": torch.tensor(0.1)},
        "Speed": {"seconds": 3.0},
        "ModelCheckpoint of acc": {"monitor": "val/acc", "best_model_score": torch.tensor(0.75)},
    }
    assert best_score(states, "val/acc") == 0.75
    assert best_score(states, "test/acc") is None
    assert (
        best_score(states | {"ModelCheckpoint of acc": {"monitor": "val/acc", "best_model_score": None}}, "val/acc")
        is None
    )
