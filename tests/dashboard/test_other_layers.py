"""Layers that are wrapped or replaced can be looked at too, and looking changes nothing."""

from typing import Any

import pytest
import torch
from lightning import Callback, Trainer, seed_everything
from lightning.pytorch.loggers import TensorBoardLogger
from torch import nn
from torch.nn.utils import parametrizations, prune

from mnist_mlp import MLPClassifier, MNISTDataModule
from mnist_mlp.dashboard.panels import Dashboard
from mnist_mlp.dashboard.run_log import read_run

pytestmark = pytest.mark.usefixtures("tiny_mnist", "without_shape_checks")


def spectral_norm(mlp):  # each look at its weight in training mode changes it
    for layer in mlp.layers:
        parametrizations.spectral_norm(layer)


def pruned(mlp):
    prune.l1_unstructured(mlp.layers[0], "weight", 0.5)


def wrapped(mlp):
    mlp.layers[0] = nn.Sequential(mlp.layers[0])


def replaced(mlp):
    mlp.layers[1] = nn.Identity()
    mlp.layers[2] = nn.Linear(6, 10)


class Change(Callback):
    def __init__(self, change):
        self.change = change

    def setup(self, trainer, pl_module, stage):
        self.change(pl_module.mlp)


@pytest.mark.parametrize("change", [spectral_norm, pruned, wrapped, replaced])
def test_layers_of_other_kinds_are_shown(tmp_path, change):
    states = []
    for panels in ([], Dashboard().callbacks()):
        seed_everything(0, verbose=False)
        model = MLPClassifier([6, 5], "tanh")
        logger = TensorBoardLogger(tmp_path, default_hp_metric=False)
        quiet: dict[str, Any] = {
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "enable_checkpointing": False,
        }
        trainer = Trainer(max_epochs=2, accelerator="cpu", callbacks=[Change(change), *panels], logger=logger, **quiet)
        trainer.fit(model, MNISTDataModule(batch_size=8, val_size=20))
        states.append(model.mlp.state_dict())
    torch.testing.assert_close(*states, rtol=0, atol=0)
    assert len(read_run(tmp_path / "lightning_logs" / "version_1").scalars["delta_norm/layer_2"][0]) == 3
