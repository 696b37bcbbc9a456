"""Fails where Lightning says these things in other words; that they are silenced, all runs in these tests need."""

import logging
import re
import warnings
from pathlib import Path

import lightning
import pytest

from mnist_mlp.lightning_internals.harmless_messages import LOGGERS, WARNINGS, silence_harmless_messages

SAID = {  # what of each warning stands in Lightning's code, and an example of it
    "LeafSpec": "`isinstance(treespec, LeafSpec)` is deprecated",
    "exists and is not empty": "Checkpoint directory logs exists and is not empty.",
    "callbacks used to create the checkpoint need to be provided": (
        "Be aware that when using `ckpt_path`, callbacks used to create the checkpoint need to be provided"
    ),
    "across ranks is zero": "Total length of `list` across ranks is zero.",
    "is smaller than the logging interval": (
        "The number of training batches (3) is smaller than the logging interval Trainer(log_every_n_steps=50)."
    ),
}


@pytest.fixture(scope="module")
def code():
    return "\n".join(path.read_text() for path in (Path(lightning.__file__).parent / "pytorch").rglob("*.py"))


@pytest.mark.parametrize("words", SAID)
def test_lightning_still_says_so(code, words):
    assert words in code


def test_each_warning_has_its_example():
    assert all(any(re.match(pattern, example) for example in SAID.values()) for pattern in WARNINGS)
    assert len(SAID) == len(WARNINGS)


def test_they_are_silenced_and_others_are_not():
    silence_harmless_messages()
    for example in SAID.values():
        warnings.warn(example, stacklevel=1)  # an error, in these tests, if it is not silenced
    with pytest.warns(UserWarning, match="it matters"):
        warnings.warn("it matters", stacklevel=1)


@pytest.mark.parametrize("name", LOGGERS)
def test_these_are_lightnings_loggers(code, name):
    module = Path(lightning.__file__).parent / name.split(".")[1] / "__init__.py"
    assert "logging.getLogger(__name__)" in module.read_text()
    silence_harmless_messages()
    assert logging.getLogger(name).level == logging.WARNING
