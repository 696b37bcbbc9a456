"""Fails where Lightning ends an interrupted run in another way: the user would not be told how to go on."""

import signal
import sys
from typing import Any

import pytest
from lightning import Callback, Trainer
from lightning.pytorch.demos.boring_classes import BoringModel

from mnist_mlp.lightning_internals.interrupts import interrupts_as_errors


def say():
    return "the run was interrupted; mnist-mlp fit --ckpt_path last continues it"


class Raise(Callback):
    """Raise an exception when the training starts."""

    def __init__(self, exception):
        self.exception = exception

    def on_train_start(self, trainer, pl_module):
        raise self.exception


@pytest.fixture
def trainer_that_raises(tmp_path, monkeypatch):
    """A Trainer in whose training an exception is raised."""
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGINT)

    def make(exception):
        quiet: dict[str, Any] = {
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "enable_checkpointing": False,
        }
        return Trainer(max_epochs=1, accelerator="cpu", logger=False, callbacks=[Raise(exception)], **quiet)

    yield make
    signal.signal(signal.SIGINT, before)  # Lightning lets it be ignored from then on


@pytest.mark.filterwarnings("ignore")
def test_the_keyboards_interrupt_becomes_an_error_that_says_how_to_go_on(trainer_that_raises):
    trainer = trainer_that_raises(KeyboardInterrupt())
    with pytest.raises(InterruptedError, match="mnist-mlp fit --ckpt_path last"), interrupts_as_errors(trainer, say):
        trainer.fit(BoringModel())


@pytest.mark.filterwarnings("ignore")
def test_other_errors_pass(trainer_that_raises):
    trainer = trainer_that_raises(ValueError("other"))
    with pytest.raises(ValueError, match="other"), interrupts_as_errors(trainer, say):
        trainer.fit(BoringModel())


def test_an_exit_of_someone_elses_passes():
    with pytest.raises(SystemExit), interrupts_as_errors(Trainer(accelerator="cpu", barebones=True), say):
        sys.exit(3)
