from typing import Any

import pytest
import yaml
from jsonargparse import get_loader

from mnist_mlp.sweep.space import Choices, Range, searched_setting


def drawn_for(asked) -> Any:
    """What is drawn for a setting."""
    return searched_setting("a", asked).parameters["a"]


@pytest.mark.parametrize(
    ("text", "parameter"),
    [
        ("{low: 1e-4, high: 1e-1, log: true}", Range(1e-4, 1e-1, log=True)),
        ("{low: 0, high: 0.5}", Range(0, 0.5)),
        ("{low: 10, high: 100, step: 30}", Range(10, 100, 30)),
        ("[relu, tanh]", Choices(("relu", "tanh"))),
        ("[[30], [100, 30]]", Choices(([30], [100, 30]))),
        ("[null, {class_path: A}]", Choices((None, {"class_path": "A"}))),
    ],
)
def test_a_range_is_what_is_written(text, parameter):
    assert searched_setting("a.b", get_loader("yaml")(text)).parameters == {"a.b": parameter}


@pytest.mark.parametrize(
    ("text", "is_whole"), [("{low: 1, high: 9}", True), ("{low: 1.0, high: 9}", False), ("{low: 1, high: 9.5}", False)]
)
def test_whole_bounds_give_whole_numbers(text, is_whole):
    assert drawn_for(yaml.safe_load(text)).is_whole == is_whole


def test_a_half_step_gives_broken_numbers():
    assert not drawn_for({"low": 1, "high": 2, "step": 0.5}).is_whole


def test_a_choice_is_drawn_by_its_label():
    setting = searched_setting("a", [[30], [100, 30]])
    assert drawn_for([[30], [100, 30]]).labels == ("[30]", "[100, 30]")
    assert setting.value({"a": "[100, 30]"}) == [100, 30]


def test_layers_have_one_width():
    setting = searched_setting("m.h", {"depth": [1, 3], "width": {"low": 30, "high": 300, "log": True}})
    assert setting.parameters == {"m.h.depth": Range(1, 3), "m.h.width": Range(30, 300, log=True)}
    assert setting.value({"m.h.depth": 3, "m.h.width": 40, "other": 1}) == [40, 40, 40]


@pytest.mark.parametrize("depth", [2, [2, 2]])
def test_a_depth_that_is_fixed_is_not_drawn(depth):
    setting = searched_setting("m.h", {"depth": depth, "width": [30, 100]})
    assert setting.parameters == {"m.h.width": Choices((30, 100))}
    assert setting.value({"m.h.width": 100}) == [100, 100]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{low: 0.1, high: 0.01}", "low of a must be below its high; got low 0.1 and high 0.01"),
        ("{low: 1, high: 1}", "low of a must be below its high; got low 1 and high 1"),
        ("{low: 0, high: 1, log: true}", "low of a must be above 0, since log is true; got 0"),
        ("{low: 1}", "a needs high, as in {low: 0.1, high: 0.5}"),
        ("{high: 1, log: true}", "a needs low"),
        ("{low: one, high: 2}", "low of a must be a finite number; got 'one'"),
        ("{low: true, high: 2}", "low of a must be a finite number; got True"),
        ("{low: 1, high: .inf}", "high of a must be a finite number; got inf"),
        ("{low: 1, high: .nan}", "high of a must be a finite number; got nan"),
        ("{low: 1, high: 2, log: 1}", "log of a must be true or false; got 1"),
        ("{low: 1, hihg: 2}", "a has no hihg; did you mean high?"),
        ("{low: 1, high: 2, 7: true}", "a has no 7; there are low, high, step, log"),
        ("{low: 1, high: 9, step: 2, log: true}", "a may have a step or log: true, not both"),
        ("{low: 1, high: 9, step: 0}", "step of a must be above 0; got 0"),
        ("{low: 1, high: 10, step: 2}", "high of a must be whole steps above its low; got low 1, high 10 and step 2"),
        ("{low: 1, high: 2, step: 5}", "high of a must be whole steps above its low"),
        ("[]", "a must have at least two choices; got 0"),
        ("[relu]", "a must have at least two choices; got 1"),
        ("[relu, tanh, relu]", "a must have choices that differ; got 'relu' twice"),
        ("[1, 1.0]", "a must have choices that differ; got 1.0 twice"),
        ("0.1", "a must be a list of choices, {low: ..., high: ...}"),
        ("null", "a must be a list of choices"),
        ("{}", "a must be a list of choices"),
        ("{lr: {low: 1, high: 2}}", "a must be a list of choices"),
        ("{depth: [1, 3]}", "a needs depth and width"),
        ("{width: {low: 1, high: 2}}", "a needs depth and width"),
        ("{depth: [1, 3], widht: {low: 1, high: 2}}", "a has no widht; did you mean width?"),
        ("{depth: [3, 1], width: {low: 1, high: 2}}", "depth of a must be a number of layers, or [fewest, most]"),
        ("{depth: 0, width: {low: 1, high: 2}}", "depth of a must be a number of layers"),
        ("{depth: true, width: {low: 1, high: 2}}", "depth of a must be a number of layers"),
        ("{depth: [1, 2, 3], width: {low: 1, high: 2}}", "depth of a must be a number of layers"),
        ("{depth: 1, width: {low: 0, high: 2}}", "width of a must be whole numbers of at least 1"),
        ("{depth: 1, width: {low: 1.5, high: 2}}", "width of a must be whole numbers of at least 1"),
        ("{depth: 1, width: [10, wide]}", "width of a must be whole numbers of at least 1"),
        ("{depth: 1, width: {low: 9, high: 2}}", "low of a.width must be below its high"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(text, sentence):
    with pytest.raises(ValueError, match=r"^search: ") as refused:
        searched_setting("a", get_loader("yaml")(text))
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
