"""What `last` and `best` mean where the newest run has none, and what a run that never trained leaves: nothing."""

import os
import signal
from pathlib import Path

import pytest
from lightning import Callback
from lightning.fabric.utilities.exceptions import MisconfigurationException

from mnist_mlp.cli import main
from mnist_mlp.fit import prepare

SETTINGS = {
    "model": {"hidden_sizes": [4]},
    "data": {"dataset": "digits", "val_size": 300, "batch_size": 100},
    "dashboard": {"enabled": False},
    "name": "small",
}
QUIET = {"accelerator": "cpu", "enable_progress_bar": False, "max_epochs": 3}


class InterruptAt(Callback):
    """The user presses Ctrl-C in this epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.current_epoch == self.epoch:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)  # Lightning lets it be ignored from then on


def fit(*callbacks, **settings):
    trainer = {**QUIET, **settings.pop("trainer", {})}
    prepare("fit", callbacks=callbacks, **{**SETTINGS, **settings}, trainer=trainer).execute()


def interrupted(epoch, **settings):
    """The sentence of a training that is interrupted in this epoch."""
    with pytest.raises(InterruptedError) as caught:
        fit(InterruptAt(epoch), **settings)
    return str(caught.value)


def refused(*command):
    with pytest.raises(SystemExit) as caught:
        main([*command])
    return str(caught.value).removeprefix("mnist-mlp: error: ")


def test_an_interrupt_before_the_first_checkpoint_advises_no_checkpoint():
    sentence = "the run was interrupted before its first checkpoint was written; the same command starts it anew"
    assert interrupted(0) == sentence
    assert interrupted(0, trainer={"enable_checkpointing": False}) == sentence


def test_after_it_no_older_run_is_taken_without_a_word():
    fit()
    interrupted(0)
    for which in ("last", "best"):
        sentence = (
            f"the newest run, logs/small/version_1, has no {which} checkpoint: start it anew, or give that of an older "
            f"run by its path, --ckpt_path logs/small/version_0/checkpoints/{which}.ckpt"
        )
        for command in ("fit", "test", "validate", "predict", "export --format=npz"):
            assert refused(*command.split(), f"--ckpt_path={which}") == sentence
    main(["test", "--ckpt_path=logs/small/version_0/checkpoints/best.ckpt"])
    fit()
    main(["test"])


def test_a_run_without_validation_has_no_best_and_no_older_one_is_taken():
    fit()
    fit(data={**SETTINGS["data"], "val_size": 0})
    assert "the newest run, logs/small/version_1, has no best checkpoint" in refused("test")
    main(["test", "--ckpt_path=last"])


def test_an_interrupt_names_what_continues_it():
    assert interrupted(1) == "the run was interrupted; mnist-mlp fit --ckpt_path last continues it"
    path = "runs/small/version_0/checkpoints/last.ckpt"
    sentence = interrupted(1, trainer={"default_root_dir": "runs"})
    assert sentence == f"the run was interrupted; mnist-mlp fit --ckpt_path {path} continues it"
    main(["fit", f"--ckpt_path={path}"])


def test_an_interrupted_test_has_nothing_to_continue():
    fit()
    session = prepare("test", callbacks=[InterruptTest()], trainer=QUIET)
    with pytest.raises(InterruptedError, match=r"^mnist-mlp test was interrupted$"):
        session.execute()


class InterruptTest(Callback):
    def on_test_batch_start(self, trainer, pl_module, batch, batch_idx, dataloader_idx=0):
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("logger", [None, False])
@pytest.mark.parametrize(
    "settings",
    [
        {"data": {**SETTINGS["data"], "batch_size": 2000}},
        {"data": {**SETTINGS["data"], "val_size": 1437}},
        {"data": {**SETTINGS["data"], "steps_per_execution": 5}, "trainer": {"val_check_interval": 2}},
    ],
)
def test_a_refused_setting_leaves_no_folder(settings, logger):
    trainer = settings.get("trainer", {}) | {"logger": logger}
    with pytest.raises(ValueError, match=r"batch_size|val_size|val_check_interval"):
        fit(**{**settings, "trainer": trainer})
    assert not list(Path().iterdir())
    fit(trainer={"logger": logger})
    with pytest.raises(ValueError, match=r"batch_size|val_size|val_check_interval"):
        fit(**{**settings, "trainer": trainer})
    assert [path.name for path in Path("logs/small").iterdir()] == ["version_0"]


def test_a_training_that_began_keeps_its_folder():
    interrupted(0)
    assert Path("logs/small/version_0/config.yaml").exists()


def test_a_refused_continuation_removes_nothing():
    fit()
    with pytest.raises(SystemExit, match="another architecture"):
        main(["fit", "--ckpt_path=last", "--trainer.max_epochs=4", "--model.hidden_sizes=[5]"])
    assert {path.name for path in Path("logs/small/version_0").iterdir()} >= {"config.yaml", "checkpoints"}


@pytest.mark.parametrize("logger", [None, False])
@pytest.mark.parametrize("setting", [{"devices": 99}, {"devices": -7}])
def test_a_refused_trainer_leaves_no_folder(setting, logger):
    with pytest.raises((ValueError, MisconfigurationException), match="devices"):
        prepare("fit", **SETTINGS, trainer={**QUIET, **setting, "logger": logger})
    assert not list(Path().iterdir())


@pytest.mark.parametrize("logger", [None, False])
def test_a_session_that_is_never_run_leaves_no_folder(logger):
    prepare("fit", **SETTINGS, trainer={**QUIET, "logger": logger})
    assert not list(Path().iterdir())


@pytest.mark.parametrize("logger", [None, False, "CSVLogger", "TensorBoardLogger"])
def test_a_trial_writes_nothing_and_says_so(logger, capsys):
    if logger:
        logger = {"class_path": logger, "init_args": {"save_dir": "mine"}}
    fit(trainer={"fast_dev_run": 2, "logger": logger}, dashboard={"enabled": True})
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == "fast_dev_run: 2 mini-batches of each kind were tried, and nothing was written"
    assert not list(Path().iterdir())
    fit(trainer={"max_epochs": 1})
    before = {path: path.read_bytes() for path in Path("logs").rglob("*") if path.is_file()}
    fit(trainer={"fast_dev_run": True, "max_epochs": 2}, ckpt_path="last")
    assert {path: path.read_bytes() for path in Path("logs").rglob("*") if path.is_file()} == before
