from pathlib import Path

import pytest
import torch
from lightning import Trainer

from mnist_mlp.fit.checkpoint_files import SafeCheckpointIO, keep_in, last_good_checkpoint, model_checkpoints


def test_a_torn_write_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    SafeCheckpointIO().save_checkpoint({"epoch": 1}, tmp_path / "last.ckpt")

    def tear(checkpoint, path):
        Path(path).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", tear)
    with pytest.raises(KeyboardInterrupt):
        SafeCheckpointIO().save_checkpoint({"epoch": 2}, tmp_path / "last.ckpt")
    assert torch.load(tmp_path / "last.ckpt", weights_only=True) == {"epoch": 1}


@pytest.mark.parametrize("validates", [True, False])
def test_the_last_checkpoint_that_was_written_is_the_last_good_one(tmp_path, validates):
    checkpoints = model_checkpoints(validates)
    keep_in(checkpoints, tmp_path)
    trainer = Trainer(accelerator="cpu", logger=False, callbacks=[*checkpoints])
    assert last_good_checkpoint(trainer) == "none: none was written yet"
    for callback in checkpoints:
        callback.best_model_path = f"{callback.filename}.ckpt"
    assert last_good_checkpoint(trainer) == "last.ckpt"


def test_a_training_without_checkpoints_has_no_good_one():
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    assert last_good_checkpoint(trainer) == "none: none was written yet"
