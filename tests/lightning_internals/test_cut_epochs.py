"""Fails where Lightning counts epochs and mini-batches in another way: a run that was cut short would skip some."""

from typing import Any

import pytest
import torch
from lightning import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.demos.boring_classes import BoringModel

from mnist_mlp.lightning_internals.cut_epochs import (
    begin_the_next_epoch,
    go_on_within_the_epoch,
    is_inside_an_epoch,
)

pytestmark = pytest.mark.filterwarnings("ignore")
BATCHES = 64  # of BoringModel, in an epoch


class Counting(BoringModel):
    """Counts the steps of each epoch, in the place of what fit adds to a checkpoint."""

    def __init__(self):
        super().__init__()
        self.steps: list[int] = []
        self.ends: list[int] = []

    def on_train_start(self):
        begin_the_next_epoch(self.trainer)

    def training_step(self, batch, batch_idx):
        self.steps.append(self.trainer.current_epoch)
        return super().training_step(batch, batch_idx)

    def on_train_epoch_end(self):
        self.ends.append(self.trainer.current_epoch)

    def on_save_checkpoint(self, checkpoint):
        self.inside = is_inside_an_epoch(self.trainer)
        go_on_within_the_epoch(self.trainer, checkpoint["loops"])


def fit(folder, path=None, **limits):
    quiet: dict[str, Any] = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False}
    last = ModelCheckpoint(folder, filename="last", save_on_train_epoch_end=True, enable_version_counter=False)
    trainer, model = Trainer(accelerator="cpu", callbacks=[last], limit_val_batches=0, **limits, **quiet), Counting()
    trainer.fit(model, ckpt_path=path, weights_only=False)
    return model


def test_the_rest_of_a_cut_epoch_comes_next(tmp_path):
    assert fit(tmp_path, max_steps=70, max_epochs=3).inside
    stored = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert (stored["epoch"], stored["global_step"]) == (1, 70)
    assert stored["loops"]["fit_loop"]["epoch_loop.state_dict"]["_batches_that_stepped"] == 69
    model = fit(tmp_path, tmp_path / "last.ckpt", max_epochs=3)
    assert model.steps == [1] * (2 * BATCHES - 70) + [2] * BATCHES
    assert model.ends == [1, 2]


def test_a_whole_epoch_does_not_end_twice(tmp_path):
    assert not fit(tmp_path, max_steps=BATCHES, max_epochs=3).inside
    model = fit(tmp_path, tmp_path / "last.ckpt", max_steps=2 * BATCHES + 3, max_epochs=3)
    assert model.steps == [1] * BATCHES + [2] * 3
    assert model.ends == [1, 2]
