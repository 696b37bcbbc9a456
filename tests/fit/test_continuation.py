"""What a continued run takes from its checkpoint, and what from the settings that are given now."""

from types import SimpleNamespace
from typing import Any, cast

import torch
from lightning import LightningModule, Trainer

from mnist_mlp.fit.continuation import RunSettings

SGD = {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.4, "momentum": 0.5}}
DECAY = {"class_path": "torch.optim.lr_scheduler.ExponentialLR", "init_args": {"gamma": 0.5}}


def stored():
    """A checkpoint of SGD with ExponentialLR after one epoch, as torch writes their states."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(2))], lr=0.4, momentum=0.5)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    optimizer.step()
    scheduler.step()
    states = {"optimizer_states": [optimizer.state_dict()], "lr_schedulers": [scheduler.state_dict()]}
    return {"epoch": 0, "callbacks": {}, "optimization": {"optimizer": SGD, "scheduler": DECAY}, **states}


def test_the_same_settings_change_nothing():
    checkpoint: dict[str, Any] = stored()
    trainer = cast(Trainer, SimpleNamespace(checkpoint_callbacks=[], early_stopping_callbacks=[], max_epochs=None))
    settings = RunSettings({"optimizer": SGD, "scheduler": DECAY}, "")
    settings.on_load_checkpoint(trainer, cast(LightningModule, SimpleNamespace(scheduler_interval="epoch")), checkpoint)
    assert checkpoint == stored()


def test_a_checkpoint_keeps_its_settings():
    within_an_epoch = {
        "epoch_progress": {"total": {"started": 1, "processed": 0}},
        "epoch_loop.batch_progress": {"is_last_batch": False},
    }
    checkpoint: dict[str, Any] = {"loops": {"fit_loop": within_an_epoch}}
    settings = RunSettings({"optimizer": SGD, "scheduler": None}, "seed_everything: 3\n")
    settings.on_save_checkpoint(cast(Trainer, None), cast(LightningModule, None), checkpoint)
    assert checkpoint == {
        "loops": {"fit_loop": within_an_epoch},
        "optimization": {"optimizer": SGD, "scheduler": None},
        "config": "seed_everything: 3\n",
        "validation_images": "",
        "is_cut_short": False,
    }
