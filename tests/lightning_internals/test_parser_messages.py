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
