"""`mnist-mlp fit --help`: ours first, each with an example that works, and the Trainer's when asked for."""

import re
import shlex

import pytest

from mnist_mlp.fit import prepare
from mnist_mlp.fit.arguments import EXAMPLES, TEXTS

QUICK = "--config=quickstart"
pytestmark = pytest.mark.usefixtures("without_shape_checks")


def help_of(capsys, command, *words):
    with pytest.raises(SystemExit, match=r"^0$"):
        prepare(command, typed=words)
    return capsys.readouterr().out


def shown(text):
    """The settings that a help shows, by their names, with what stands behind each."""
    return dict(re.findall(r"^  --([\w.]+) ?(.*)$", text, flags=re.MULTILINE))


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_ours_come_first_in_groups(capsys, word):
    text = help_of(capsys, "fit", word)
    assert len(text.splitlines()) < 230
    assert max(map(len, text.splitlines())) <= 80
    settings = list(shown(text))
    sections = list(dict.fromkeys(name.rpartition(".")[0].replace(".help", "") for name in settings))
    assert sections == [
        "",
        "model",
        "model.optimizer",
        "model.scheduler",
        "data",
        "data.augmentation",
        "dashboard",
        "trainer",
    ]
    assert settings[:3] == ["help", "config", "print_config"]
    assert sum(name.startswith("trainer.") for name in settings) == 7
    assert "--trainer.profiler" not in text
    for default in ("(default: 100)", "(default: relu)", "(default: true)", "(default: SGD with lr 0.1)", "(needed)"):
        assert default in " ".join(text.split())


def test_all_has_the_rest(capsys):
    short, whole = (shown(help_of(capsys, "fit", "--help", *words)) for words in ([], ["all"]))
    assert short.keys() < whole.keys()
    assert {"trainer.profiler", "trainer.max_steps", "data", "weights_only"} <= whole.keys()
    defaults = prepare("fit", typed=[QUICK]).parser.get_defaults().keys()
    names = {name for name in defaults if "init_args" not in name and "class_path" not in name}
    assert names - {"data.seed"} <= whole.keys() | {"model.optimizer", "dashboard"}


@pytest.mark.parametrize("command", ["validate", "test", "predict"])
def test_other_commands_have_it_too(capsys, command):
    text = help_of(capsys, command, "--help")
    assert text.startswith(f"usage: mnist-mlp {command} ")
    assert "What is measured: best or last" in text
    assert not {"lr_find", "weights"} & shown(text).keys()


OF_A_RUN = {"help", "ckpt_path", "weights", "model.optimizer.help", "model.scheduler.help"}
BESIDE = {"model.output_activation": ["--model.cost=mse"]}  # what an example makes no sense without


@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - OF_A_RUN))
def test_every_example_is_taken(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = shlex.split(f"--{name} {EXAMPLES[name]}")
    assert prepare("fit", typed=[QUICK, *words, *BESIDE.get(name, [])]).command == "fit"


def test_every_setting_of_ours_has_an_example_that_is_not_its_default(capsys):
    for name, example in shown(help_of(capsys, "fit", "--help")).items():
        if name not in ("trust", "print_config"):
            assert example not in ("", "None", "null", "CONFIG"), name
            assert name in EXAMPLES or example in ("true", "false"), name


def test_no_text_is_of_a_setting_that_there_is_not(capsys):
    whole = shown(help_of(capsys, "fit", "--help", "all"))
    assert EXAMPLES.keys() | TEXTS.keys() <= whole.keys()
