"""Fails where TensorBoard's writer calls its thread otherwise, or keeps its thread's errors to itself."""

import errno
import io
import os
import shutil
from pathlib import Path

import pytest
from lightning import Callback

from mnist_mlp.fit import prepare

SMALL = {
    "model": {"hidden_sizes": [3]},
    "data": {"dataset": "digits", "train_size": 40, "val_size": 20, "batch_size": 10},
    "trainer": {"max_epochs": 3, "accelerator": "cpu", "enable_progress_bar": False, "enable_checkpointing": False},
    "name": "small",
}


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)


class Vanish(Callback):
    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 1:
            shutil.rmtree("logs")


def test_a_folder_that_vanishes_is_said_once(capfd):
    with pytest.raises(FileNotFoundError, match=r"No such file or directory: .*logs/small/version_0/events"):
        prepare("fit", **SMALL, callbacks=[Vanish()]).execute()
    assert "Traceback" not in capfd.readouterr().err


def test_a_full_disk_is_said_with_the_folder(capfd, monkeypatch):
    opened = io.open

    def full(file, mode="r", *args, **kwargs):
        if "tfevents" in os.fsdecode(file) and "b" in mode:
            raise OSError(errno.ENOSPC, "No space left on device")
        return opened(file, mode, *args, **kwargs)

    monkeypatch.setattr(io, "open", full)
    with pytest.raises(OSError, match="No space left") as caught:
        prepare("fit", **SMALL).execute()
    assert Path(caught.value.filename) == Path("logs/small/version_0")
    assert "Traceback" not in capfd.readouterr().err
