"""Fails where Lightning starts or stops processes in another way: a kill of one would end, or hang, all in silence."""

import os
import signal
from typing import Any

import pytest
from lightning import Callback, Trainer
from lightning.pytorch.demos.boring_classes import BoringModel

from mnist_mlp.lightning_internals.launcher import UnwatchedLauncher, leave_the_end_of_processes_alone

QUIET: dict[str, Any] = {
    "accelerator": "cpu",
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
}


class Terminate(Callback):
    """Send a SIGTERM to this process in the middle of its training."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if batch_idx == 2:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.filterwarnings("ignore")
def test_a_signal_is_noted_and_stops_the_training_after_the_mini_batch():
    trainer = Trainer(max_epochs=1, callbacks=[Terminate()], **QUIET)
    leave_the_end_of_processes_alone(trainer)
    with pytest.raises(SystemExit):
        trainer.fit(BoringModel())
    assert trainer.received_sigterm
    assert trainer.global_step == 3


def test_lightning_starts_the_others_and_does_not_watch_them(monkeypatch):
    trainer = Trainer(devices=2, **QUIET)
    launcher = leave_the_end_of_processes_alone(trainer)
    assert isinstance(launcher, UnwatchedLauncher)
    assert trainer.strategy.launcher is launcher
    script = "lightning.pytorch.strategies.launchers.subprocess_script"
    monkeypatch.setattr(f"{script}._launch_process_observer", lambda processes: pytest.fail("they are watched"))
    monkeypatch.setattr(f"{script}._basic_subprocess_cmd", lambda: ["true"])
    for name in ("LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.setenv(name, "0")  # so that what Lightning sets is undone
        monkeypatch.delenv(name)
    assert launcher.launch(lambda: "done") == "done"
    assert [process.wait() for process in launcher.procs] == [0]


def test_where_others_start_the_processes_there_is_nothing_to_watch(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert leave_the_end_of_processes_alone(Trainer(devices=2, **QUIET)) is None
    monkeypatch.delenv("LOCAL_RANK")
    assert leave_the_end_of_processes_alone(Trainer(devices=1, **QUIET)) is None
