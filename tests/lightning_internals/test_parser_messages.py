"""Fails where jsonargparse says it in other words: users would read its paragraphs instead of our sentences."""

import argparse
from typing import Literal

import pytest
from jsonargparse import ActionConfigFile, ArgumentParser  # pyright: ignore[reportPrivateImportUsage]

from mnist_mlp.lightning_internals.parser_messages import SYNONYMS, one_sentence


class Section:
    def __init__(self, sizes: list[int], size: int = 1, kind: int | Literal["auto"] = 1) -> None: ...


@pytest.fixture
def sentence_of(tmp_path, monkeypatch):
    """What is said of arguments that are typed, or of an object."""
    monkeypatch.chdir(tmp_path)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--config", action=ActionConfigFile)
    parser.add_argument("--name", type=str)
    parser.add_class_arguments(Section, "model")

    def say(given):
        with pytest.raises(argparse.ArgumentError) as refused:
            parser.parse_args(given) if isinstance(given, list) else parser.parse_object(given)
        return one_sentence(str(refused.value), parser.get_defaults().keys())

    return say


SIZES = "--model.sizes=[3]"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([SIZES, "--model.size=many"], "model.size: expected int; got many"),
        (
            {"search": {"model.size": [1, 2]}},
            "Option 'search.model.size' is not accepted; a configuration with a section search: is for mnist-mlp sweep",
        ),
        ({"model": {"sizes": [3], "size": "many"}}, "model.size: expected int; got many"),
        ([SIZES, "--model.kind=many"], "model.kind: expected int or 'auto'; got many"),
        ([SIZES, "--model.sze=3"], "unrecognized arguments: --model.sze=3; did you mean model.size?"),
        ([SIZES, "--nonsense=3"], "unrecognized arguments: --nonsense=3"),
        ([SIZES, "--size", "3"], "unrecognized arguments: --size 3; did you mean model.size?"),
        ([SIZES, "quickstart"], "unrecognized arguments: quickstart; a configuration is named by --config quickstart"),
        (
            {"model": {"sizes": [3], "sze": 3}},
            "Group 'model' does not accept option 'sze'; did you mean model.size?",
        ),
        ({"model": {"sizes": [3]}, "nme": "a"}, "Option 'nme' is not accepted; did you mean name?"),
        (
            ["--name=a"],
            "the following arguments are required: model.sizes; a configuration file has all: --config quickstart",
        ),
    ],
)
def test_it_is_one_plain_sentence(sentence_of, given, sentence):
    assert sentence_of(given) == sentence


def test_a_missing_file_is_named(sentence_of):
    assert sentence_of(["--config=missing.yaml"]).startswith("config: ")
    assert "missing.yaml" in sentence_of(["--config=missing.yaml"])


def test_words_that_are_not_known_stay_as_they_are():
    assert one_sentence("Something\n  else", ["name"]) == "Something else"


@pytest.fixture
def session_sentence(tmp_path, monkeypatch):
    """What is said of settings that are typed for fit."""
    from mnist_mlp.fit import prepare

    monkeypatch.chdir(tmp_path)

    def say(*typed):
        with pytest.raises(ValueError, match=r".") as refused:
            prepare("fit", model={"hidden_sizes": [3]}, data={"dataset": "digits"}, typed=typed)
        return str(refused.value)

    return say


@pytest.mark.parametrize(
    ("typed", "start", "end"),
    [
        ("--model.optimizer=Adm", "model.optimizer must be one of ASGD, ", "got Adm: did you mean Adam?"),
        ("--model.optimizer=torch.optim.Adm", "model.optimizer must be one of ASGD, ", "did you mean Adam?"),
        ("--model.scheduler=StepLLR", "model.scheduler must be one of ConstantLR, ", "did you mean StepLR?"),
        ("--trainer.callbacks=EarlyStoping", "trainer.callbacks must be one of the", "did you mean EarlyStopping?"),
        ("--trainer.callbacks=[EarlyStoping]", "trainer.callbacks must be one of the", "did you mean EarlyStopping?"),
        ("--trainer.logger=CSVLoger", "trainer.logger must be one of CSVLogger, ", "did you mean CSVLogger?"),
        ("--trainer.precision=nope", "trainer.precision: expected 64, 32, 16 or 'transf", " or null; got nope"),
    ],
)
def test_a_misspelt_class_gets_the_nearest_and_all_there_are(session_sentence, typed, start, end):
    sentence = session_sentence(typed)
    assert sentence.startswith(start)
    assert sentence.endswith(end)
    assert len(sentence) <= 300


def test_a_wrong_argument_of_a_class_is_named(session_sentence):
    sentence = session_sentence("--model.optimizer=Adam", "--model.optimizer.lr=abc")
    assert sentence == "model.optimizer: lr: expected float; got abc"


UNKNOWN = "model.optimizer must be one of ASGD, "


@pytest.mark.parametrize(
    ("section", "settings", "sentence"),
    [
        ("trainer", {"callbacks": "EarlyStopping"}, "trainer.callbacks: EarlyStopping needs monitor"),
        ("trainer", {"callbacks": 3}, "trainer.callbacks: expected list or Callback or null; got 3"),
        ("trainer", {"logger": {"class_path": "CSVLogger"}}, "trainer.logger: CSVLogger needs save_dir"),
        ("model", {"scheduler": {"class_path": "StepLR"}}, "model.scheduler: StepLR needs step_size"),
        ("model", {"optimizer": {"class_path": 3}}, "model.optimizer must be a class: a text, or class_path with a "),
        ("model", {"optimizer": {"class_path": "SGD", "init_args": 3}}, "model.optimizer must be a class: a text, or "),
        (
            "model",
            {"optimizer": {"class_path": "SGD", "x": 3}},
            "model.optimizer: beside class_path only init_args may",
        ),
        ("model", {"optimizer": {"class_path": "builtins.dict"}}, UNKNOWN),
        ("model", {"optimizer": "SparseAdam"}, "model.optimizer must be one for dense gradients, such as Adam; got "),
        ("model", {"gradients": "x"}, "model.gradients: expected one of 'autograd', 'manual'; got x"),
        ("model", {"": 3}, "; a name has nothing before or after one of its dots"),
        (
            "data",
            {"augmentation": {"alpha": [1]}},
            "data.augmentation.alpha: expected a tuple with 2 elements; got [1]",
        ),
    ],
)
def test_what_is_wrong_with_a_class_or_its_arguments_is_said_and_nothing_else(
    tmp_path, monkeypatch, section, settings, sentence
):
    from mnist_mlp.fit import prepare

    monkeypatch.chdir(tmp_path)
    given = {"model": {"hidden_sizes": [3]}, "data": {"dataset": "digits"}}
    given[section] = {**given.get(section, {}), **settings}
    with pytest.raises(ValueError, match=r".") as refused:
        prepare("fit", **given)
    said = str(refused.value)
    assert sentence in said
    assert len(said) < 200
    assert not [word for word in ("Namespace", "<class", "Union") if word in said]


@pytest.mark.parametrize(
    ("setting", "argument", "value", "sentence"),
    [
        ("callbacks", "patience", "x", "trainer.callbacks: patience: expected int; got x"),
        ("callbacks", "patienc", 3, "trainer.callbacks: EarlyStopping has no patienc; did you mean patience?"),
    ],
)
@pytest.mark.parametrize("in_a_list", [False, True])
def test_an_argument_of_a_callback_is_named(tmp_path, monkeypatch, setting, argument, value, sentence, in_a_list):
    from mnist_mlp.fit import prepare

    monkeypatch.chdir(tmp_path)
    callback = {"class_path": "EarlyStopping", "init_args": {"monitor": "val/acc", argument: value}}
    trainer = {setting: [callback] if in_a_list else callback}
    with pytest.raises(ValueError, match=f"^{sentence.replace('?', '.')}$"):
        prepare("fit", model={"hidden_sizes": [3]}, data={"dataset": "digits"}, trainer=trainer)


def test_a_scheduler_needs_its_class_before_its_arguments(session_sentence):
    expected = "model.scheduler must name its class before gamma, as --model.scheduler does"
    assert session_sentence("--model.scheduler.gamma=0.5") == expected
    assert session_sentence("--model.scheduler=StepLR", "--model.scheduler.gama=3").endswith("did you mean gamma?")


def test_a_value_that_looks_like_an_option_is_typed_with_an_equals_sign(session_sentence):
    expected = "--model.l2 needs a value; one that begins with - is typed --model.l2=-1"
    assert session_sentence("--model.l2", "-inf") == expected
    assert session_sentence("--model.l2=-inf") == "model.l2: expected float; got -inf"


def test_a_scheduler_whose_name_two_classes_have_is_given_by_its_path(session_sentence):
    expected = (
        "model.scheduler must be given by its path, torch.optim.lr_scheduler.ReduceLROnPlateau; got ReduceLROnPlateau, "
        "a name that two classes have"
    )
    assert session_sentence("--model.scheduler=ReduceLROnPlateau") == expected


def test_several_schedules_in_turn_have_a_class_of_their_own(session_sentence):
    parts = '{"schedulers": [{"class_path": "torch.optim.lr_scheduler.LinearLR"}], "milestones": []}'
    given = f'{{"class_path": "torch.optim.lr_scheduler.SequentialLR", "init_args": {parts}}}'
    expected = "model.scheduler: several in turn are those of mnist_mlp.schedules.SchedulesInTurn"
    assert session_sentence(f"--model.scheduler={given}").startswith(expected)


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        (["--lr", "0.1"], "did you mean model.optimizer.lr?"),
        (
            ["--lr=0.1", "--epochs", "5", "--batch-size", "32"],
            "model.optimizer.lr and trainer.max_epochs and data.batch_size?",
        ),
        (["--learning-rate", "0.1"], "did you mean model.optimizer.lr?"),
        (["--max_epochs", "5"], "did you mean trainer.max_epochs?"),
        (["--hidden-sizes", "[30]"], "did you mean model.hidden_sizes?"),
        (["--optimizer", "Adam"], "did you mean model.optimizer?"),
        (["--seed", "3"], "did you mean seed_everything?"),
        (["--model.optimizer", "Adma"], "got Adma: did you mean Adam?"),
        (["--model.optimizer", "sgd"], "got sgd: did you mean SGD?"),
        (["--model.optimizer", "adamw"], "got adamw: did you mean AdamW?"),
        (["--model.scheduler", "CosineAnealingLR"], "got CosineAnealingLR: did you mean CosineAnnealingLR?"),
        (
            ["--model.optimizer", "Adam", "--model.optimizer.learning_rate", "0.1"],
            "Adam has no learning_rate; did you mean lr?",
        ),
    ],
)
def test_what_other_programs_call_so_and_what_is_misspelt_is_named(session_sentence, typed, hint):
    assert session_sentence("--config=quickstart", *typed).endswith(hint)


def test_every_synonym_is_of_a_setting_that_there_is(tmp_path, monkeypatch):
    from mnist_mlp.fit import prepare

    monkeypatch.chdir(tmp_path)
    settings = {"model.optimizer.momentum": "0.5", "model.scheduler": "ExponentialLR", "model.scheduler.gamma": "0.5"}
    typed = [f"--{name}={value}" for name, value in settings.items()]
    optimizer = ["--model.optimizer=SGD", "--model.optimizer.lr=0.1", "--model.optimizer.weight_decay=0"]
    config = prepare("fit", typed=["--config=quickstart", *optimizer, *typed]).config
    for setting in SYNONYMS.values():
        name = setting.replace("optimizer.", "optimizer.init_args.")
        assert name in config, setting
