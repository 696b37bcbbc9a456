"""Values that Lightning, torch or YAML take without a word, though nobody can mean them."""

import json
from pathlib import Path

import pytest

from mnist_mlp.fit import prepare
from mnist_mlp.fit.settings import read_settings

QUICK = Path(__file__).parent.parent.parent / "configs" / "quickstart.yaml"
QUIET = {"accelerator": "cpu", "enable_progress_bar": False, "logger": False, "enable_checkpointing": False}


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("setting", "value", "allowed"),
    [
        ("accumulate_grad_batches", -1, "at least 1"),
        ("accumulate_grad_batches", 0, "at least 1"),
        ("gradient_clip_val", -1.0, "at least 0"),
        ("gradient_clip_val", float("nan"), "at least 0"),
        ("check_val_every_n_epoch", -1, "at least 1"),
        ("check_val_every_n_epoch", 0, "at least 1"),
        ("min_epochs", -1, "at least 0"),
        ("min_steps", -1, "at least 0"),
        ("log_every_n_steps", -1, "at least 0"),
        ("val_check_interval", 0, "larger than 0"),
        ("num_nodes", 0, "at least 1"),
    ],
)
def test_a_nonsensical_number_of_the_trainer_is_refused(setting, value, allowed):
    with pytest.raises(ValueError, match=rf"^trainer\.{setting} must be {allowed}; got {value}$"):
        prepare("fit", QUICK, trainer={**QUIET, setting: value})


@pytest.mark.parametrize("setting", ["gradient_clip_val", "min_epochs", "log_every_n_steps"])
def test_the_smallest_number_that_makes_sense_is_taken(setting):
    assert prepare("fit", QUICK, trainer={**QUIET, setting: 0}).config.trainer[setting] == 0


@pytest.mark.parametrize(
    ("scheduler", "arguments", "sentence"),
    [
        ("StepLR", {"step_size": -3}, "step_size must be at least 1; got -3"),
        ("StepLR", {"step_size": 0}, "step_size must be at least 1; got 0"),
        ("StepLR", {"step_size": 3, "gamma": -0.5}, "gamma must be at least 0; got -0.5"),
        ("CosineAnnealingLR", {"T_max": 0}, "T_max must be at least 1; got 0"),
        ("MultiStepLR", {"milestones": [2, -1]}, "milestones must be at least 0; got -1"),
        ("ReduceLROnPlateau", {"monitor": "val/loss", "patience": -2}, "patience must be at least 0; got -2"),
    ],
)
def test_a_nonsensical_number_of_a_scheduler_is_refused(scheduler, arguments, sentence):
    given = {"class_path": f"torch.optim.lr_scheduler.{scheduler}", "init_args": arguments}
    if scheduler == "ReduceLROnPlateau":
        given["class_path"] = f"lightning.pytorch.cli.{scheduler}"
    with pytest.raises(ValueError, match=f"^model.scheduler.init_args.{sentence}$"):
        prepare("fit", QUICK, model={"scheduler": given}, trainer=QUIET)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("model:\n  cost: mse\ndata: {}\nmodel:\n  l2: 1\n", "line 4: model stands in line 1 already; keep one"),
        ("model:\n  l2: 1\n  l2: 2\n", "line 3: l2 stands in line 2 already; keep one of the two"),
        ("trainer:\n  callbacks:\n  - {a: 1, a: 2}\n", "line 3: a stands in line 3 already"),
        ("data:\n  batch_size: 0100\n", "line 2: YAML takes 0100 for an octal number; write it in decimal"),
        ("data:\n  batch_size: 1:40\n", "line 2: YAML takes 1:40 for a number with base 60; write it in decimal"),
        ("model:\n  l2: 1:40.5\n", "line 2: YAML takes 1:40.5 for a number with base 60; write it in decimal"),
        ("model: {}\ndata:\n", "line 2: data is empty; give its settings, or leave it out"),
        ("model: ~\n", "line 1: model is empty; give its settings, or leave it out"),
    ],
)
def test_what_yaml_takes_for_something_else_is_refused(tmp_path, text, sentence):
    (tmp_path / "mine.yaml").write_text(text)
    for config, typed in (("mine.yaml", []), (None, ["--config=mine.yaml"])):
        with pytest.raises(ValueError, match=f"^mine.yaml, {sentence}"):
            prepare("fit", config, typed=typed, trainer=QUIET)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"model": {"input_dropout": None}}, "model.input_dropout: expected float; got None"),
        ({"data": {"augmentation": {"scaling": None}}}, "data.augmentation.scaling: expected float; got None"),
        ({"data": {"augmentation": 3}}, "data.augmentation must hold settings by their names; got 3"),
        ({"trainer": {"accumulate_grad_batches": None}}, "trainer.accumulate_grad_batches: expected int; got None"),
        (
            {"model": {"optimizer": {"init_args": {"lr": None}}}},
            "model.optimizer.init_args.lr must not be null; leave ",
        ),
        ({"model": {"adversarial": 1e300}}, "model.adversarial must be a number of at most 3.4e.38; got 1e.300"),
        (
            {"model": {"optimizer": {"init_args": {"lr": float("nan")}}}},
            "model.optimizer.init_args.lr must be a number ",
        ),
        (
            {"trainer": {"accumulate_grad_batches": 2**64}},
            "trainer.accumulate_grad_batches must be a number of at most",
        ),
        ({"trainer": {"max_time": "soon"}}, "trainer.max_time must be days:hours:minutes:seconds, such as 00:01:30:00"),
        ({"trainer": {"max_time": {"a": 1}}}, "trainer.max_time must be days:hours:minutes:seconds, such as 00:01:30:"),
        ({"trainer": {"devices": 1000}}, "trainer.devices must be at most "),
        ({"trainer": {"profiler": "x"}}, "trainer: .*profiler"),
        ({"trainer": {"default_root_dir": 3}}, "trainer.default_root_dir must be a path; got 3"),
        ({"ckpt_path": 3}, "ckpt_path must be a path; got 3"),
        ({"data": {"image_size": 0}}, "data.image_size must be an integer of 28 ... 4096; got 0"),
        ({"data": {"image_size": 10**9}}, "data.image_size must be an integer of 28 ... 4096; got 1000000000"),
        (
            {"trainer": {"max_epochs": None}},
            "trainer.max_epochs must be a number of epochs, or -1 for no limit; got null",
        ),
        ({"seed_everything": 2**40}, "seed_everything must be an integer of at least 0 and below 2..32; got 10995"),
        ({"model": {"scheduler": {}}}, "model.scheduler must name its class, such as StepLR, or be null; got none"),
        (
            {"model": {"optimizer": {"init_args": {"differentiable": True}}}},
            "model.optimizer.init_args.differentiable ",
        ),
    ],
)
def test_what_a_library_would_refuse_late_or_in_its_own_words_names_the_setting(settings, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}"):
        prepare("fit", QUICK, **{"trainer": QUIET, **settings})


@pytest.mark.parametrize(("argument", "value"), [("patience", -1), ("min_delta", -0.5), ("min_delta", float("nan"))])
def test_a_nonsensical_number_of_a_callback_is_refused(argument, value):
    callback = {"class_path": "EarlyStopping", "init_args": {"monitor": "val/acc", argument: value}}
    for callbacks in (callback, [callback]):
        with pytest.raises(
            ValueError, match=rf"^trainer\.callbacks\.init_args\.{argument} must be at least 0; got {value}$"
        ):
            prepare("fit", QUICK, trainer={**QUIET, "callbacks": callbacks})


def test_what_torch_refuses_names_the_setting():
    session = prepare("fit", QUICK, model={"optimizer": {"init_args": {"lr": -1.0}}}, trainer=QUIET)
    with pytest.raises(ValueError, match=r"^model\.optimizer: Invalid learning rate: -1\.0$"):
        session.execute()


TWICE = "l2 stands in line 1 already; keep one of the two"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["--model={l2: 1, l2: 2}"], "^model {l2: 1, l2: 2}, line 1: " + TWICE),
        (["--model", "{l2: 1, l2: 2}"], "^model {l2: 1, l2: 2}, line 1: " + TWICE),
        (["--model=part.json"], "^model part.json, line 1: " + TWICE),
        (["--model.hidden_sizes=[0100]"], r"^model.hidden_sizes \[0100\], line 1: YAML takes 0100 for an octal number"),
        (["--config=whole.yaml"], "^model part.json, line 1: " + TWICE),
    ],
)
def test_what_is_typed_or_stands_in_another_file_is_read_as_carefully(tmp_path, typed, sentence):
    (tmp_path / "part.json").write_text('{"l2": 1, "l2": 2}')
    (tmp_path / "whole.yaml").write_text("model: part.json\n")
    with pytest.raises(ValueError, match=sentence):
        prepare("fit", None if "whole" in typed[0] else QUICK, typed=typed, trainer=QUIET)


@pytest.mark.parametrize(
    "typed",
    [
        ["--data.batch_size=1:40"],
        ["--data.batch_size", "1:40"],
        ["--model.optimizer.lr=1:40"],
        ["--model.optimizer.init_args.lr=0:0.5"],
        ["--model.hidden_sizes+=1:40"],
        [
            "--trainer.callbacks=EarlyStopping",
            "--trainer.callbacks.monitor=val/acc",
            "--trainer.callbacks.patience=1:40",
        ],
        ["--seed_everything=1:40"],
    ],
)
def test_a_number_with_base_60_is_refused_where_it_is_typed(typed):
    text = typed[-1].rpartition("=")[2]
    with pytest.raises(
        ValueError, match=f"^[a-z_.+]+: YAML takes {text} for a number with base 60; write it in decimal$"
    ):
        prepare("fit", QUICK, typed=typed, trainer=QUIET)


def test_a_text_may_look_like_a_number_with_base_60():
    session = prepare("fit", QUICK, typed=["--trainer.max_time=00:01:30:00"], trainer=QUIET)
    assert session.config.trainer.max_time == "00:01:30:00"


def test_what_means_what_it_says_is_read(tmp_path):
    (tmp_path / "mine.yaml").write_text("name: '0100'\ndata: &all\n  val_size: 0\n  train_size: 1_000\nback: *all\n")
    settings = read_settings(tmp_path / "mine.yaml")
    assert settings["name"] == "0100"
    assert settings["data"] == settings["back"] == {"val_size": 0, "train_size": 1000}


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a: " + b"[" * 5000, b"a: &b [*b\n"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, content):
    (tmp_path / "mine.yaml").write_bytes(content)
    with pytest.raises(ValueError, match=r"^Problems parsing config .*mine\.yaml: "):
        read_settings(tmp_path / "mine.yaml")


def test_a_text_without_settings_is_not_repeated_whole(tmp_path):
    (tmp_path / "mine.yaml").write_text("a" * 10_000)
    with pytest.raises(ValueError, match="must hold settings by section") as refused:
        read_settings(tmp_path / "mine.yaml")
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("value", ["3", "[1]", "true"])
def test_a_section_that_holds_no_settings_is_refused(tmp_path, value):
    (tmp_path / "mine.yaml").write_text(f"trainer: {value}\n")
    with pytest.raises(ValueError, match=r"^mine\.yaml: trainer must hold settings; got "):
        prepare("fit", "mine.yaml")


def test_what_all_schedulers_have_in_common_cannot_be_made():
    with pytest.raises(ValueError, match=r"^model\.scheduler must be one that can be made; got .*LRScheduler"):
        prepare("fit", QUICK, typed=["--model.scheduler=LRScheduler"], trainer=QUIET)


def test_fewer_epochs_than_were_trained_are_refused():
    quiet = {"accelerator": "cpu", "enable_progress_bar": False}
    prepare("fit", QUICK, trainer={**quiet, "max_epochs": 3}, dashboard={"enabled": False}).execute()
    session = prepare("fit", ckpt_path="last", trainer={**quiet, "max_epochs": 1})
    with pytest.raises(ValueError, match=r"^trainer\.max_epochs must be at least 3, .*; got 1$"):
        session.execute()


@pytest.mark.parametrize("name", ["", "batch size", " batch_size"])
def test_the_name_of_a_setting_is_a_word(tmp_path, name):
    file = tmp_path / "mine.yaml"
    file.write_text(json.dumps({"data": {"dataset": "digits", "augmentation": {name: 3}}}))
    sentence = f"mine.yaml: the name of a setting must be a word without spaces; got 'data.augmentation.{name}'$"
    with pytest.raises(ValueError, match=sentence):
        prepare("fit", file)
