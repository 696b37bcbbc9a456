"""Fails where jsonargparse says it in other words: users would read its paragraphs instead of our sentences."""

import argparse
from typing import Literal

import pytest
from jsonargparse import ActionConfigFile, ArgumentParser  # pyright: ignore[reportPrivateImportUsage]

from mnist_mlp.lightning_internals.parser_messages import one_sentence


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
        ({"model": {"sizes": [3], "size": "many"}}, "model.size: expected int; got many"),
        ([SIZES, "--model.kind=many"], "model.kind: expected int or 'auto'; got many"),
        ([SIZES, "--model.sze=3"], "unrecognized arguments: --model.sze=3; did you mean model.size?"),
        ([SIZES, "--nonsense=3"], "unrecognized arguments: --nonsense=3"),
        (
            {"model": {"sizes": [3], "sze": 3}},
            "Group 'model' does not accept option 'sze'; did you mean model.size?",
        ),
        ({"model": {"sizes": [3]}, "nme": "a"}, "Option 'nme' is not accepted; did you mean name?"),
        (
            ["--name=a"],
            "the following arguments are required: model.sizes; "
            "a configuration file has all: --config configs/quickstart.yaml",
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
        ("--trainer.precision=nope", "trainer.precision: expected int or 'transformer-engine'", " or null; got nope"),
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


def test_a_value_that_looks_like_an_option_is_typed_with_an_equals_sign(session_sentence):
    expected = "--model.l2 needs a value; one that begins with - is typed --model.l2=-1"
    assert session_sentence("--model.l2", "-inf") == expected
    assert session_sentence("--model.l2=-inf") == "model.l2: expected float; got -inf"
