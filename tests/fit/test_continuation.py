"""What a continued run takes from its checkpoint, and what from the settings that are given now."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
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


def continued(optimizer, scheduler):
    """The same checkpoint as it is loaded where these are the settings now."""
    checkpoint: dict[str, Any] = stored()
    trainer = cast(Trainer, SimpleNamespace(checkpoint_callbacks=[], max_epochs=None))
    settings = RunSettings({"optimizer": optimizer, "scheduler": scheduler}, "")
    settings.on_load_checkpoint(trainer, cast(LightningModule, None), checkpoint)
    return checkpoint


def with_arguments(setting, **init_args):
    return {**setting, "init_args": {**setting["init_args"], **init_args}}


def test_the_same_settings_change_nothing():
    assert continued(SGD, DECAY) == stored()


def test_a_learning_rate_is_also_where_its_schedule_starts():
    checkpoint = continued(with_arguments(SGD, lr=0.8), DECAY)
    (group,) = checkpoint["optimizer_states"][0]["param_groups"]
    assert (group["lr"], group["initial_lr"], group["momentum"]) == (0.8, 0.8, 0.5)
    assert checkpoint["lr_schedulers"][0]["base_lrs"] == [0.8]


def test_another_setting_leaves_the_schedule_where_it_was():
    checkpoint = continued(with_arguments(SGD, momentum=0.9), with_arguments(DECAY, gamma=0.25))
    (group,) = checkpoint["optimizer_states"][0]["param_groups"]
    assert (group["lr"], group["initial_lr"], group["momentum"]) == (0.2, 0.4, 0.9)
    schedule = checkpoint["lr_schedulers"][0]
    assert (schedule["base_lrs"], schedule["gamma"], schedule["last_epoch"]) == ([0.4], 0.25, 1)


@pytest.mark.parametrize(
    ("optimizer", "scheduler", "optimizers", "schedules"),
    [
        ({"class_path": "torch.optim.Adam", "init_args": {"lr": 0.4}}, DECAY, 0, 0),
        (SGD, {"class_path": "torch.optim.lr_scheduler.StepLR", "init_args": {"step_size": 2}}, 1, 0),
        (SGD, None, 1, 0),
    ],
)
def test_another_class_starts_anew(optimizer, scheduler, optimizers, schedules):
    checkpoint = continued(optimizer, scheduler)
    assert (len(checkpoint["optimizer_states"]), len(checkpoint["lr_schedulers"])) == (optimizers, schedules)


def test_a_checkpoint_keeps_its_settings():
    within_an_epoch = {"epoch_progress": {"total": {"started": 1, "processed": 0}}, "epoch_loop.batch_progress": {}}
    checkpoint: dict[str, Any] = {"loops": {"fit_loop": within_an_epoch}}
    settings = RunSettings({"optimizer": SGD, "scheduler": None}, "seed_everything: 3\n")
    settings.on_save_checkpoint(cast(Trainer, None), cast(LightningModule, None), checkpoint)
    assert checkpoint == {
        "loops": {"fit_loop": within_an_epoch},
        "optimization": {"optimizer": SGD, "scheduler": None},
        "config": "seed_everything: 3\n",
        "validation_images": "",
    }
