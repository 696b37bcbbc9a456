"""What was asked to speak is heard: a profiler, an early stop, a time limit, a search; and Lightning's noise is not."""

import io
import logging
from typing import Any

import pytest
from lightning import Callback

from mnist_mlp.cli import main
from mnist_mlp.fit import prepare

SETTINGS: dict[str, Any] = {
    "model": {"hidden_sizes": [4]},
    "data": {"dataset": "digits", "val_size": 237, "batch_size": 100, "steps_per_execution": "auto"},
    "dashboard": {"enabled": False},
}
QUIET = {"accelerator": "cpu", "enable_progress_bar": False, "max_epochs": 2}


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def said_with(capfd):
    """Runs a training; what it prints, and what Lightning says, whose own handler is tied to the first stderr."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    logging.getLogger("lightning.pytorch").addHandler(handler)

    def run(callback=None, **trainer):
        callbacks = {"callbacks": [callback]} if callback else {}
        text.truncate(0)
        prepare("fit", **SETTINGS, trainer={**QUIET, **callbacks, **trainer}).execute()
        said = text.getvalue()
        assert not any(noise in said for noise in ("GPU available", "Trainer.fit", "litlogger", "TPU"))
        return capfd.readouterr().out, said

    yield run
    logging.getLogger("lightning.pytorch").removeHandler(handler)


def stopping(**arguments):
    return {"class_path": "EarlyStopping", "init_args": {"monitor": "val/acc", "mode": "max", **arguments}}


def test_a_profiler_reports(said_with):
    _, err = said_with(profiler="simple")
    assert "FIT Profiler Report" in err
    assert "run_training_epoch" in err


def test_a_time_limit_is_said(said_with):
    _, err = said_with({"class_path": "Timer", "init_args": {"duration": "00:00:00:00"}})
    assert "Time limit reached." in err


def test_a_search_for_the_batch_size_says_what_it_finds(said_with):
    arguments = {"mode": "power", "init_val": 8, "max_trials": 2, "steps_per_trial": 1}
    _, err = said_with({"class_path": "BatchSizeFinder", "init_args": arguments})
    assert "Finished batch size finder, will continue with full run using batch size 16" in err


def test_early_stopping_speaks_where_it_is_verbose(said_with):
    assert "Metric val/acc improved." in said_with(stopping(verbose=True))[1]
    assert not said_with(stopping())[1]


@pytest.mark.parametrize(("setting", "value"), [("stopping_threshold", 0.001), ("divergence_threshold", 0.999)])
def test_a_threshold_that_ends_a_training_is_said(setting, value, said_with):
    out, _ = said_with(stopping(**{setting: value}))
    assert f"EarlyStopping ended the training in epoch 1: val/acc has reached its {setting} of {value}\n" in out


def test_a_finder_of_rates_is_refused_with_what_finds_them_here():
    finder = "--trainer.callbacks=LearningRateFinder"
    with pytest.raises(
        SystemExit, match=r"must be without LearningRateFinder.* use --lr_find suggest, or --lr_find tr"
    ):
        main(["fit", "--model.hidden_sizes=[4]", "--data.dataset=digits", finder])


class Counts(Callback):
    needs_single_steps = False
    calls = 0

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.calls += 1


@pytest.mark.parametrize(("steps", "calls"), [(5, 3), (1, 12)])
def test_a_hook_that_is_called_once_for_a_block_is_named(steps, calls, capfd):
    counts = Counts()
    data = {**SETTINGS["data"], "steps_per_execution": steps}
    session = prepare("fit", **{**SETTINGS, "data": data}, callbacks=[counts], trainer={**QUIET, "max_epochs": 1})
    session.execute()
    line = "called once for each block of 5 mini-batches: on_train_batch_end of Counts\n"
    assert (line in capfd.readouterr().out) == (steps > 1)
    assert counts.calls == calls
