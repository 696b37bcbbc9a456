from pathlib import Path
from typing import cast

import pytest
from matplotlib.figure import Figure
from matplotlib.legend import Legend

from mnist_mlp.dashboard.curves import Chart, charts_of, compare, draw_chart
from mnist_mlp.dashboard.run_log import RunLog

FALLING, RISING = ([0, 5, 10], [4.0, 1.0, 0.01]), ([0, 5, 10], [0.1, 0.8, 0.9])


def log_of(scalars, charts=None):
    return RunLog(Path("run"), scalars, {}, {}, charts or {}, [])


def test_charts_hold_the_curves_in_the_order_of_their_layout():
    scalars = {"val/loss": RISING, "norm/layer_2": RISING, "norm/layer_10": FALLING, "train/loss": FALLING}
    log = log_of(scalars, {"cost": ["train/loss", "val/loss"], "norms": ["norm/.*"], "speed": ["time/.*"]})
    cost, norms = charts_of(log)
    assert (cost.title, list(cost.curves)) == ("cost", ["train/loss", "val/loss"])
    assert (norms.title, list(norms.curves)) == ("norms", ["norm/layer_2", "norm/layer_10"])
    assert cost.curves["train/loss"] == FALLING


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+b",
        "(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)b",
        "a*a*a*a*a*a*b",
        "(" * 50 + ")" * 50 + "[",
        "a{99999999999}",
    ],
)
def test_a_pattern_that_could_take_for_ever_means_itself(pattern):
    tags = ["a" * 40, "a" * 10_000, pattern]
    (chart,) = charts_of(log_of(dict.fromkeys(tags, RISING), {"a": [pattern]}))
    assert list(chart.curves) == [pattern]


def test_a_pattern_finds_no_tag_that_is_too_long():
    assert not charts_of(log_of({"a" * 10_000: RISING}, {"a": ["a*a*a*b"]}))


def test_without_a_layout_curves_of_one_thing_stand_together():
    scalars = dict.fromkeys(("train/loss", "val/loss", "val/acc", "norm/layer_1", "norm/layer_2", "rate"), RISING)
    charts = charts_of(log_of(scalars | {"time/once": ([3], [7.0])}))
    assert {chart.title: list(chart.curves) for chart in charts} == {
        "loss": ["train/loss", "val/loss"],
        "acc": ["val/acc"],
        "norm": ["norm/layer_1", "norm/layer_2"],
        "rate": ["rate"],
    }


def test_runs_are_compared_tag_by_tag():
    logs = {
        "relu": log_of({"val/acc": RISING, "norm/layer_1": FALLING}, {"norms": ["norm/.*"]}),
        "deep": log_of({"val/acc": FALLING, "norm/layer_1": RISING, "norm/layer_5": FALLING}),
    }
    accuracy, first, last = compare(logs, ["val/acc", "norm/layer_1", "norm/layer_5"])
    assert accuracy == Chart("val/acc", {"relu": RISING, "deep": FALLING})
    assert first == Chart("norm/layer_1", {"relu": FALLING, "deep": RISING}, "norms")
    assert last == Chart("norm/layer_5", {"deep": FALLING}, "norms")
    with pytest.raises(ValueError, match=r"tags must be among val/acc, norm/layer_1, norm/layer_5; got val/ac$"):
        compare(logs, ["val/acc", "val/ac"])


@pytest.mark.parametrize(
    ("values", "scale"),
    [([4.0, 1.0, 0.1], "log"), ([0.1, 0.8, 0.9], "linear"), ([0.0, 1.0, 99.0], "linear"), ([-1.0, 1, 99], "linear")],
)
def test_values_of_several_magnitudes_have_a_logarithmic_axis(values, scale):
    axes = Figure().subplots()
    draw_chart(axes, Chart("some", {"a": ([0, 1, 2], values)}))
    assert axes.get_yscale() == scale


def test_each_curve_is_named_and_parted():
    axes = Figure().subplots()
    draw_chart(axes, Chart("cost", {"train/loss": FALLING, "val/loss": RISING}, "mean per image"))
    assert [text.get_text() for text in cast(Legend, axes.get_legend()).get_texts()] == ["train/loss", "val/loss"]
    first, second = axes.get_lines()
    assert first.get_color() != second.get_color()
    assert first.get_marker() != second.get_marker()
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == ("cost", "mini-batches", "mean per image")
