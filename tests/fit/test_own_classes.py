"""A subclass of the network or the data of one's own, from `fit` to a prediction, as the classes it is made from."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from mnist_mlp import load
from mnist_mlp.cli import main
from mnist_mlp.fit import prepare

MINE = """
from mnist_mlp import MLPClassifier, MNISTDataModule

class Net(MLPClassifier):
    def __init__(self, hidden_sizes: list[int], extra: float = 1.0, **kwargs):
        super().__init__(hidden_sizes, **kwargs)
        self.extra = extra

class Few(MLPClassifier):
    def __init__(self, hidden_sizes: list[int]):
        super().__init__(hidden_sizes)

class Data(MNISTDataModule):
    def __init__(self, dataset: str = "digits", flipped: bool = False, **kwargs):
        super().__init__(dataset, **kwargs)
        self.flipped = flipped
"""
FIT = ["--data.val_size=300", "--data.batch_size=100", "--trainer.max_epochs=1", "--trainer.accelerator=cpu"]
FIT = ["fit", *FIT, "--trainer.enable_progress_bar=false", "--dashboard.enabled=false", "--name=own"]
RUN = Path("logs/own/version_0")
LAST = RUN / "checkpoints" / "last.ckpt"
FILES: dict[str, Any] = {  # as Lightning writes them, and flat, as config.yaml has them
    "init_args": {
        "model": {"class_path": "mine_20.Net", "init_args": {"hidden_sizes": [7], "extra": 2.0}},
        "data": {"class_path": "mine_20.Data", "init_args": {"flipped": True}},
    },
    "flat": {
        "model": {"class_path": "mine_20.Net", "hidden_sizes": [7], "extra": 2.0},
        "data": {"class_path": "mine_20.Data", "flipped": True},
    },
}


@pytest.fixture(autouse=True)
def in_a_folder_with_a_module(tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    Path("mine_20.py").write_text(MINE)
    yield
    sys.modules.pop("mine_20", None)


TYPED = {
    "class_path": "--model.class_path=mine_20.Net --model.init_args.hidden_sizes=[7] --model.init_args.extra 2 "
    "--data.class_path mine_20.Data --data.init_args.flipped true",
    "short": "--model mine_20.Net --model.hidden_sizes [7] --model.extra=2 --data=mine_20.Data --data.flipped=true",
    "file": "--config=mine.yaml",
}


@pytest.mark.parametrize("how", [*TYPED, *FILES])
def test_the_command_and_python_take_them(how):
    Path("mine.yaml").write_text(yaml.safe_dump(FILES["init_args"]))
    if how in TYPED:
        session = prepare("fit", typed=[*FIT[1:], *TYPED[how].split()])
    else:
        session = prepare("fit", typed=FIT[1:], **FILES[how])
    model, data = session.model, session.datamodule
    assert (type(model).__name__, type(data).__name__) == ("Net", "Data")
    assert [getattr(model, "extra"), model.mlp.sizes, getattr(data, "flipped")] == [2.0, (784, 7, 10), True]  # noqa: B009
    session.execute()
    config = yaml.safe_load((RUN / "config.yaml").read_text())
    assert (config["model"]["class_path"], config["model"]["extra"]) == ("mine_20.Net", 2.0)
    assert (config["data"]["class_path"], config["data"]["batch_size"]) == ("mine_20.Data", 100)


def test_a_configuration_gives_its_run_its_name_and_what_is_typed_wins():
    Path("mine.yaml").write_text(yaml.safe_dump(FILES["init_args"]))
    for session in (
        prepare("fit", typed=["--config", "mine.yaml", "--model.extra=3"], trainer={"logger": False}),
        prepare("fit", "mine.yaml", model={"extra": 3.0}, trainer={"logger": False}),
    ):
        assert session.config.name == "mine"
        assert session.config.model.extra == 3.0


def test_a_run_of_ones_own_classes_is_continued_measured_and_asked(capsys):
    main([*FIT, *TYPED["short"].split()])
    stored = torch.load(LAST, weights_only=True)
    assert stored["MNISTDataModule"]["class_names"] == stored["Data"]["class_names"]
    assert load(LAST).class_names == tuple("0123456789")
    quiet = ["--trainer.enable_progress_bar=false", "--trainer.accelerator=cpu"]
    capsys.readouterr()
    for command in ("test", "validate", "fit"):
        more = ["--ckpt_path=last", "--trainer.max_epochs=2"] if command == "fit" else []
        with pytest.raises(SystemExit, match=r"would use mine_20\.\w+, which is no class of .* give --trust"):
            main([command, *quiet, *more])
        main([command, *quiet, "--trust", *more])
    typed = ["--model.class_path=mine_20.Net", "--data.class_path=mine_20.Data"]
    main(["fit", *quiet, *typed, "--ckpt_path=last", "--trainer.max_epochs=3"])
    assert torch.load(LAST, weights_only=True)["epoch"] == 2
    assert "class_path" not in capsys.readouterr().out
    main([*FIT, f"--config={RUN}/config.yaml"])
    config = [yaml.safe_load(Path(f"logs/own/version_{i}/config.yaml").read_text()) for i in (0, 1)]
    assert config[0] == config[1] | {"trainer": config[0]["trainer"]}
    main([*FIT, "--weights=best", "--data.dataset=digits"])


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("--model=mine_20.Data", "model.class_path must be that of a subclass of MLPClassifier; got mine_20.Data"),
        ("--model=mine_20.Nit", "model.class_path must be the path of a class, such as mine.Net; got mine_20.Nit"),
        (
            "--data.class_path=nothing.at.all",
            "data.class_path must be the path of a class, such as mine.Net; got nothing",
        ),
        (
            "--model=mine_20.Few",
            r"takes all settings of MLPClassifier; mine_20.Few lacks activation, cost, .*\*\*kwargs",
        ),
        ("--model=mine_20.Net --model.hidden_sizes=[7] --model.exta=2", "did you mean model.extra"),
    ],
)
def test_a_class_that_cannot_be_used_is_refused(typed, sentence):
    with pytest.raises(SystemExit, match=sentence):
        main([*FIT, *typed.split()])
    assert not Path("logs").exists()


@pytest.mark.parametrize("value", ["text", 3, [1]])
def test_init_args_that_are_no_settings_are_refused(value):
    with pytest.raises(ValueError, match=r"model.init_args must hold settings; got "):
        prepare("fit", model={"class_path": "mine_20.Net", "init_args": value})
