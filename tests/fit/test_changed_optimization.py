"""A run continued with another optimizer or schedule has the rates that those give from the start."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback
from torch.optim.lr_scheduler import LRScheduler

from mnist_mlp.fit import prepare

QUIET = {"accelerator": "cpu", "enable_progress_bar": False, "logger": False}
DATA = {"dataset": "digits", "val_size": 0, "batch_size": 600, "steps_per_execution": 1}
STEPS = 3  # in an epoch of 1,437 images
SGD = {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.4, "momentum": 0.5}}
ADAM = {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.01}}


def schedule(name, **init_args):
    return {"class_path": f"torch.optim.lr_scheduler.{name}", "init_args": init_args}


def in_turn(*schedulers):
    arguments = {"schedulers": [*schedulers], "milestones": [2]}
    return {"class_path": "mnist_mlp.schedules.SchedulesInTurn", "init_args": arguments}


# before and after, with the interval at which each makes most sense
CHANGED = [
    (schedule("StepLR", step_size=2), schedule("StepLR", step_size=1, gamma=0.5), "epoch"),
    (schedule("MultiStepLR", milestones=[1, 5]), schedule("MultiStepLR", milestones=[2, 3]), "epoch"),
    (schedule("ConstantLR", total_iters=5), schedule("ConstantLR", factor=0.5, total_iters=2), "epoch"),
    (schedule("LinearLR", total_iters=9), schedule("LinearLR", start_factor=0.2, total_iters=4), "step"),
    (schedule("ExponentialLR", gamma=0.9), schedule("ExponentialLR", gamma=0.5), "step"),
    (schedule("PolynomialLR", total_iters=3), schedule("PolynomialLR", total_iters=9, power=2.0), "step"),
    (schedule("CosineAnnealingLR", T_max=9), schedule("CosineAnnealingLR", T_max=4, eta_min=0.1), "step"),
    (
        schedule("CosineAnnealingWarmRestarts", T_0=2),
        schedule("CosineAnnealingWarmRestarts", T_0=3, T_mult=2),
        "step",
    ),
    (
        schedule("CyclicLR", base_lr=0.1, max_lr=0.4, step_size_up=2),
        schedule("CyclicLR", base_lr=0.2, max_lr=0.8, step_size_up=3),
        "step",
    ),
    (schedule("OneCycleLR", max_lr=1.0, total_steps=12), schedule("OneCycleLR", max_lr=2.0, total_steps=15), "step"),
    (
        {"class_path": "mnist_mlp.schedules.RisingMomentum", "init_args": {"total_iters": 3}},
        {"class_path": "mnist_mlp.schedules.RisingMomentum", "init_args": {"total_iters": 4, "gamma": 0.9}},
        "epoch",
    ),
    (
        in_turn(schedule("LinearLR"), schedule("ExponentialLR", gamma=0.5)),
        in_turn(schedule("ConstantLR"), schedule("ExponentialLR", gamma=0.9)),
        "epoch",
    ),
    (schedule("StepLR", step_size=2), schedule("ExponentialLR", gamma=0.5), "epoch"),
    (None, schedule("ExponentialLR", gamma=0.5), "step"),
    (schedule("ExponentialLR", gamma=0.5), None, "epoch"),
]


class Rates(Callback):
    """The learning rate and the momentum of each mini-batch, by its number."""

    def __init__(self):
        self.seen = {}

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        (group,) = optimizer.param_groups
        settings = {name: value for name, value in group.items() if name not in ("params", "initial_lr")}
        self.seen[trainer.global_step] = settings


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)


def rates(optimizer: Any, scheduler: Any, interval="epoch", epochs=4, **settings):
    model = {"hidden_sizes": [4], "optimizer": optimizer, "scheduler": scheduler, "scheduler_interval": interval}
    seen = Rates()
    trainer = {**QUIET, "max_epochs": epochs, **settings.pop("trainer", {})}
    prepare("fit", model=model, data=DATA, callbacks=[seen], trainer=trainer, **settings).execute()
    return seen.seen


def second_half(rates):
    return {step: rates[step] for step in range(2 * STEPS, 4 * STEPS)}


@pytest.mark.parametrize(("before", "after", "interval"), CHANGED)
def test_the_rates_are_those_of_a_run_that_had_these_settings_from_the_start(before, after, interval):
    expected = rates(SGD, after, interval, name="whole")
    assert [*expected] == [*range(4 * STEPS)]
    rates(SGD, before, interval, epochs=2, name="run")
    assert rates(SGD, after, interval, ckpt_path="last", name="run") == second_half(expected)


def test_the_rates_within_an_epoch():
    before, after = schedule("StepLR", step_size=2), schedule("StepLR", step_size=1, gamma=0.5)
    expected = rates(SGD, after, name="whole")
    rates(SGD, before, name="run", trainer={"max_steps": 4})
    seen = rates(SGD, after, ckpt_path="last", name="run", trainer={"max_steps": -1})
    assert seen == {step: expected[step] for step in range(4, 4 * STEPS)}


def test_the_table_has_every_scheduler_of_torch_that_a_file_can_name():
    named = {each["class_path"].rpartition(".")[2] for pair in CHANGED for each in pair[:2] if each}
    all_of_torch = {kind.__name__ for kind in LRScheduler.__subclasses__() if kind.__module__.startswith("torch")}
    from_functions = {"LambdaLR", "MultiplicativeLR"}
    from_schedulers = {"SequentialLR", "ChainedScheduler", "SWALR"}
    assert all_of_torch - named - from_functions - from_schedulers <= {"ReduceLROnPlateau", "_LRScheduler"}


@pytest.mark.parametrize("optimizer", [{**SGD, "init_args": {"lr": 0.8, "momentum": 0.9}}, ADAM])
def test_another_optimizer_in_the_middle_of_a_schedule(optimizer):
    scheduler = schedule("ExponentialLR", gamma=0.5)
    expected = rates(optimizer, scheduler, name="whole")
    rates(SGD, scheduler, epochs=2, name="run")
    assert rates(optimizer, scheduler, ckpt_path="last", name="run") == second_half(expected)


def test_the_steps_of_a_schedule_may_become_mini_batches():
    scheduler = schedule("ExponentialLR", gamma=0.5)
    expected = rates(SGD, scheduler, "step", name="whole")
    rates(SGD, scheduler, "epoch", epochs=2, name="run")
    assert rates(SGD, scheduler, "step", ckpt_path="last", name="run") == second_half(expected)


def test_a_momentum_keeps_what_the_optimizer_has_gathered():
    rates(SGD, None, epochs=2, name="run")
    path = Path("logs/run/version_0/checkpoints/last.ckpt")
    before = torch.load(path, weights_only=True)["optimizer_states"][0]["state"]
    longer = {**QUIET, "max_epochs": 3}
    model, velocities = {"optimizer": {"init_args": {"momentum": 0.9}}}, Velocities()
    prepare("fit", ckpt_path="last", model=model, trainer=longer, callbacks=[velocities]).execute()
    assert all(torch.equal(velocities.seen[k], state["momentum_buffer"]) for k, state in before.items())


class Velocities(Callback):
    def on_train_start(self, trainer, pl_module):
        states = trainer.optimizers[0].state_dict()["state"]
        self.seen = {k: state["momentum_buffer"].clone() for k, state in states.items()}


PLATEAU = {
    "class_path": "lightning.pytorch.cli.ReduceLROnPlateau",
    "init_args": {"monitor": "train/acc", "mode": "max", "threshold": 10, "factor": 0.5, "patience": 0},
}


def test_a_schedule_that_depends_on_what_was_measured_makes_each_of_its_steps():
    expected = rates(SGD, PLATEAU, name="whole")
    assert len({rate["lr"] for rate in expected.values()}) > 2
    rates(SGD, PLATEAU, epochs=2, name="run")
    assert rates(SGD, PLATEAU, ckpt_path="last", name="run") == second_half(expected)


def test_and_goes_on_as_it_was():
    changed = {**SGD, "init_args": {"lr": 0.4, "momentum": 0.9}}
    rates(SGD, PLATEAU, epochs=3, name="run")
    last = torch.load("logs/run/version_0/checkpoints/last.ckpt", weights_only=True)
    lr = last["optimizer_states"][0]["param_groups"][0]["lr"] / 2
    assert lr < 0.2
    (seen, *_) = rates(changed, PLATEAU, ckpt_path="last", name="run").values()
    assert seen["momentum"] == 0.9
    assert seen["lr"] == lr


@pytest.mark.parametrize(
    ("optimizer", "scheduler"),
    [
        (SGD, {**PLATEAU, "init_args": {**PLATEAU["init_args"], "patience": 5}}),
        ({**SGD, "init_args": {"lr": 0.2, "momentum": 0.5}}, PLATEAU),
    ],
)
def test_and_is_refused_with_other_settings(optimizer, scheduler):
    rates(SGD, PLATEAU, epochs=2, name="run")
    with pytest.raises(ValueError, match=r"^model\.scheduler must stay as it was, with the learning rate"):
        rates(optimizer, scheduler, ckpt_path="last", name="run")


def test_a_schedule_that_has_ended_before_is_refused():
    rates(SGD, schedule("OneCycleLR", max_lr=1.0, total_steps=12), "step", epochs=2, name="run")
    with pytest.raises(ValueError, match=r"OneCycleLR has ended before step 6, where this run goes on"):
        rates(SGD, schedule("OneCycleLR", max_lr=1.0, total_steps=3), "step", ckpt_path="last", name="run")
