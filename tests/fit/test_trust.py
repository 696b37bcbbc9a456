"""A run that somebody else wrote runs nothing of theirs."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from mnist_mlp.fit import prepare
from mnist_mlp.training.trust import check_classes

QUICK = Path(__file__).parent.parent.parent / "configs" / "quickstart.yaml"
QUIET: dict[str, Any] = {"accelerator": "cpu", "enable_progress_bar": False, "max_epochs": 1}
LAST = Path("logs/quickstart/version_0/checkpoints/last.ckpt")
MODULE = """
from pathlib import Path
from lightning import Callback
Path("it_ran").touch()
class Class(Callback):
    pass
"""


@pytest.fixture
def run(tmp_path, monkeypatch, without_shape_checks):
    """A finished run, in the present folder, from which a module `foreign` can be imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "foreign", raising=False)
    prepare("fit", QUICK, trainer=QUIET, dashboard={"enabled": False}).execute()
    (tmp_path / "foreign.py").write_text(MODULE)
    return LAST.parent.parent


NAMED: dict[str, tuple[str, Any]] = {
    "a list": ("callbacks", ["foreign.Class"]),
    "a text": ("callbacks", "foreign.Class"),
    "a class path": ("callbacks", [{"class_path": "foreign.Class", "init_args": {}}]),
    "a class path without arguments": ("logger", {"class_path": "foreign.Class"}),
    "inside a trusted class": (
        "callbacks",
        [{"class_path": "lightning.pytorch.callbacks.LambdaCallback", "init_args": {"setup": "foreign.Class"}}],
    ),
    "yaml in a text": ("callbacks", "[{class_path: foreign.Class}]"),
    "a file": ("callbacks", "more.yaml"),
    "a file elsewhere": ("callbacks", "./more.yaml"),
    "what a trusted module imports": ("callbacks", ["lightning.pytorch.trainer.trainer.os.system"]),
    "a function": ("callbacks", ["torch.load"]),
    "the command itself": ("callbacks", ["mnist_mlp.__main__.main"]),
}


@pytest.mark.parametrize(("setting", "value"), NAMED.values(), ids=NAMED)
def test_what_a_foreign_configuration_names_is_neither_imported_nor_made(run, setting, value):
    Path("more.yaml").write_text("class_path: foreign.Class\n")
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["trainer"][setting] = value
    (run / "config.yaml").write_text(yaml.safe_dump({**config, "trust": True}))
    with pytest.raises(ValueError, match=r"last\.ckpt would use .*; give --trust if you know who wrote it"):
        prepare("fit", ckpt_path=str(LAST), trainer={"max_epochs": 2})
    assert not Path("it_ran").exists()


@pytest.mark.parametrize("place", ["hyper_parameters", "datamodule_hyper_parameters"])
@pytest.mark.parametrize("command", ["test", "validate", "predict"])
def test_what_a_checkpoints_settings_name_is_not_imported(run, command, place):
    stored = torch.load(LAST, weights_only=True)
    setting = "optimizer" if place == "hyper_parameters" else "val_size"
    stored[place][setting] = {"class_path": "foreign.Class"}
    torch.save(stored, "alone.ckpt")
    with pytest.raises(ValueError, match=r"alone\.ckpt"):
        prepare(command, ckpt_path="alone.ckpt")
    assert not Path("it_ran").exists()


def test_what_the_configuration_in_a_checkpoint_names_is_not_imported(run):
    stored = torch.load(LAST, weights_only=True)
    stored["config"] = stored["config"].replace("callbacks: null", "callbacks: [foreign.Class]")
    torch.save(stored, "alone.ckpt")
    with pytest.raises(ValueError, match=r"alone\.ckpt would use .*foreign\.Class"):
        prepare("fit", ckpt_path="alone.ckpt")
    assert not Path("it_ran").exists()


@pytest.mark.parametrize("how", ["typed", "given"])
def test_who_trusts_a_run_gets_its_classes(run, how):
    text = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(text.replace("callbacks: null", "callbacks: [foreign.Class]"))
    trusted: dict[str, Any] = {"typed": ["--trust"]} if how == "typed" else {"trust": True}
    prepare("fit", ckpt_path=str(LAST), trainer={"max_epochs": 2}, **trusted).execute()
    assert Path("it_ran").exists()
    assert "trust" not in (run / "config.yaml").read_text()


def test_own_settings_may_name_any_class(run):
    prepare("fit", QUICK, typed=["--trainer.callbacks=foreign.Class"], trainer=QUIET)
    assert Path("it_ran").exists()


def test_what_the_project_writes_itself_is_trusted(tmp_path):
    check_classes(
        {
            "name": "my.run",
            "data": {"dataset": "letters.npz", "data_dir": "a.b"},
            "model": {
                "initializer": "normal(0.1)",
                "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.5}},
                "scheduler": {"class_path": "mnist_mlp.schedules.RisingMomentum"},
            },
            "trainer": {
                "precision": "bf16-mixed",
                "callbacks": [
                    {"class_path": "mnist_mlp.verification.GradientCheck"},
                    {"class_path": "lightning.pytorch.callbacks.ModelCheckpoint", "init_args": {"filename": "mid.v2"}},
                ],
            },
        },
        tmp_path / "last.ckpt",
    )
