"""A script loads a checkpoint and goes on with the optimizer and the scheduler that it was trained with."""

import sys
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from lightning import Trainer, seed_everything
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import ExponentialLR, LinearLR

from mnist_mlp import MLPClassifier, MNISTDataModule
from mnist_mlp.fit import prepare
from mnist_mlp.schedules import SchedulesInTurn
from mnist_mlp.training.recipe import Optimization, optimization_of, recipe_of

pytestmark = [
    pytest.mark.usefixtures("without_shape_checks"),
    pytest.mark.filterwarnings("ignore:.*callbacks used to create the checkpoint need to be provided"),
]

QUIET: Any = {"enable_progress_bar": False, "accelerator": "cpu"}
SCRIPT: Any = {"logger": False, "enable_model_summary": False, "enable_checkpointing": False, **QUIET}
DIGITS: Any = {"dataset": "digits", "batch_size": 100, "val_size": 300}
LAST = Path("logs/digits/version_0/checkpoints/last.ckpt")


def run(epochs, logs="logs", optimizer="torch.optim.SGD", arguments=None):
    """The parameters after a run of `mnist-mlp fit`."""
    model: Any = {"hidden_sizes": [6]}
    model["optimizer"] = {"class_path": optimizer, "init_args": arguments or {"lr": 0.5, "momentum": 0.9}}
    model["scheduler"] = {"class_path": "torch.optim.lr_scheduler.ExponentialLR", "init_args": {"gamma": 0.5}}
    trainer = {"max_epochs": epochs, "default_root_dir": logs, **QUIET}
    session = prepare("fit", model=model, data=DIGITS, trainer=trainer, dashboard={"enabled": False})
    session.execute()
    return session.model.state_dict()


@pytest.mark.parametrize(
    ("optimizer", "arguments"), [("torch.optim.SGD", None), ("torch.optim.Adam", {"lr": 0.01, "betas": [0.8, 0.9]})]
)
def test_a_script_continues_a_run_as_the_command_does(tmp_path, monkeypatch, optimizer, arguments):
    monkeypatch.chdir(tmp_path)
    whole = run(3, "whole", optimizer, arguments)
    run(1, optimizer=optimizer, arguments=arguments)
    model = MLPClassifier.load_from_checkpoint(LAST, weights_only=True)
    trainer = Trainer(max_epochs=3, **SCRIPT)
    trainer.fit(model, MNISTDataModule(**DIGITS), ckpt_path=LAST, weights_only=True)
    assert isinstance(trainer.lr_scheduler_configs[0].scheduler, ExponentialLR)
    for name, value in whole.items():
        assert torch.equal(model.state_dict()[name], value), name
    again = tmp_path / "again.ckpt"
    trainer.save_checkpoint(again)  # whose recipe is the same
    other = MLPClassifier.load_from_checkpoint(again, weights_only=True)
    made, _ = other.configure_optimizers().values()  # pyright: ignore
    assert type(made) is type(trainer.optimizers[0])


def test_a_loaded_model_trains_with_its_optimizer_from_the_start_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(1)
    model = MLPClassifier.load_from_checkpoint(LAST)
    trainer = Trainer(max_epochs=1, **SCRIPT)
    trainer.fit(model, MNISTDataModule(**DIGITS))
    assert trainer.optimizers[0].defaults["momentum"] == 0.9


def test_what_is_given_wins_over_the_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(1)
    model = MLPClassifier.load_from_checkpoint(LAST, optimizer=partial(Adam, lr=0.1))
    assert isinstance(model.configure_optimizers(), Adam)


def script(tmp_path, **optimization):
    """A checkpoint of a script's own."""
    seed_everything(0, verbose=False)
    model = MLPClassifier([6], **optimization)
    trainer = Trainer(max_epochs=1, **SCRIPT)
    trainer.fit(model, MNISTDataModule(**DIGITS))
    trainer.save_checkpoint(tmp_path / "own.ckpt")
    return tmp_path / "own.ckpt"


def test_a_script_continues_its_own_checkpoint(tmp_path):
    path = script(tmp_path, optimizer=partial(SGD, lr=0.3, momentum=0.9), scheduler=partial(ExponentialLR, gamma=0.5))
    model = MLPClassifier.load_from_checkpoint(path, weights_only=True)
    trainer = Trainer(max_epochs=2, **SCRIPT)
    trainer.fit(model, MNISTDataModule(**DIGITS), ckpt_path=path, weights_only=True)
    assert trainer.optimizers[0].param_groups[0]["momentum"] == 0.9
    assert trainer.optimizers[0].param_groups[0]["lr"] == 0.3 * 0.5**2


@pytest.mark.parametrize(
    ("optimization", "message"),
    [
        ({"optimizer": lambda p: Adam(p)}, "the checkpoint is of another optimizer than SGD, one without dampening"),
        ({"scheduler": lambda o: ExponentialLR(o, 0.5)}, "has 1 scheduler of the learning rate, and this training 0"),
    ],
    ids=["optimizer", "scheduler"],
)
def test_where_a_checkpoint_does_not_say_how_it_was_trained_a_wrong_guess_is_refused(tmp_path, optimization, message):
    path = script(tmp_path, **optimization)
    model = MLPClassifier.load_from_checkpoint(path)
    with pytest.raises(ValueError, match=message):
        Trainer(max_epochs=2, **SCRIPT).fit(model, MNISTDataModule(**DIGITS), ckpt_path=path)
    again = MLPClassifier.load_from_checkpoint(path, **optimization)
    Trainer(max_epochs=2, **SCRIPT).fit(again, MNISTDataModule(**DIGITS), ckpt_path=path)


def test_no_foreign_class_is_imported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "foreign", raising=False)
    Path("foreign.py").write_text("from pathlib import Path\nPath('it_ran').touch()\nclass Class: pass\n")
    run(1)
    stored = torch.load(LAST, weights_only=True)
    stored["optimization"]["optimizer"]["class_path"] = "foreign.Class"
    torch.save(stored, "foreign.ckpt")
    model = MLPClassifier.load_from_checkpoint("foreign.ckpt")  # to ask it is no harm
    with pytest.raises(ValueError, match=r"checkpoint would use foreign\.Class, .*; give load_from_checkpoint the opt"):
        Trainer(max_epochs=1, **SCRIPT).fit(model, MNISTDataModule(**DIGITS))
    assert not Path("it_ran").exists()
    assert "foreign" not in sys.modules


def test_schedules_in_turn_have_a_recipe_too():
    in_turn = partial(
        SchedulesInTurn,
        schedulers=[partial(LinearLR, total_iters=2), partial(ExponentialLR, gamma=0.5)],
        milestones=[2],
    )
    recipe = recipe_of(Optimization(partial(SGD, lr=cast(float, np.float64(1))), in_turn))
    assert recipe
    parameter = torch.nn.Parameter(torch.zeros(1))
    make_optimizer, make_scheduler = optimization_of(recipe)
    optimizer = make_optimizer([parameter])
    assert make_scheduler
    scheduler = make_scheduler(optimizer)
    assert isinstance(scheduler, SchedulesInTurn)
    assert recipe_of(Optimization(make_optimizer, make_scheduler)) == recipe
    assert recipe_of(Optimization(lambda p: SGD(p), None)) is None
    assert recipe_of(Optimization(partial(SGD, lr=torch.tensor(0.1)), None)) is None
