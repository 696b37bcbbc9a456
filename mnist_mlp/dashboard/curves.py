"""The curves of runs, drawn as charts."""

import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from itertools import cycle
from textwrap import fill
from typing import Any, NamedTuple

from mnist_mlp.dashboard.run_log import Curve, RunLog

# The colours that the colour-blind can tell apart: Okabe and Ito, Color Universal Design, 2008.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
MARKERS = "os^Dv*X"
TITLE_WIDTH = 36  # characters
MARKED_POINTS = 40  # a curve of more has no markers
LOGARITHMIC = 15  # the ratio of the largest to the smallest value, both above 0, from which the axis is logarithmic
LONGEST_TAG = 200  # characters, of those that patterns are looked for in
BRANCHING = re.compile(r"[*+?{|]")  # what lets a regular expression try several ways
MOST_BRANCHES = 3  # a fourth multiplies the time by the length of the tag once more
ON_A_GROUP = re.compile(r"\)[*+?{]")  # which can take a time that is exponential in it


class Chart(NamedTuple):
    """Some curves in one frame.

    Attributes:
        title: What it shows.
        curves: By the name that the legend gives it, each curve.
        quantity: What its axis of values says.
    """

    title: str
    curves: Mapping[str, Curve]
    quantity: str = ""


def charts_of(log: RunLog) -> list[Chart]:
    """The charts of a run that have curves: those that it laid out itself, for TensorBoard's custom scalars.

    Of a run that laid out none, the curves whose tags name the same of another split or layer stand on one chart.
    """
    charts: dict[str, dict[str, Curve]] = {}
    for title, patterns in log.charts.items():
        charts[title] = {tag: log.scalars[tag] for pattern in patterns for tag in log.scalars if _match(pattern, tag)}
    if not log.charts:
        for tag, (steps, values) in log.scalars.items():
            if len(steps) > 1:
                charts.setdefault(re.sub(r"^(train|val|test)/|/layer_\d+$", "", tag), {})[tag] = steps, values
    return [Chart(title, curves) for title, curves in charts.items() if curves]


def _match(pattern: str, tag: str) -> bool:
    """Whether a tag is one that a pattern means.

    One that is no regular expression, or one that could take for ever, means itself: a run may come from anybody.
    """
    if len(tag) > LONGEST_TAG or len(BRANCHING.findall(pattern)) > MOST_BRANCHES or ON_A_GROUP.search(pattern):
        return pattern == tag
    try:
        return re.fullmatch(pattern, tag) is not None
    except (re.error, OverflowError, RecursionError):
        return pattern == tag


def compare(logs: Mapping[str, RunLog], tags: Sequence[str]) -> list[Chart]:
    """One chart for each tag, with the curves of several runs.

    Args:
        logs: The runs, by the names that the legends give them.
        tags: The tags of the curves.

    Raises:
        ValueError: if no run has such a curve.
    """
    charts = []
    for tag in tags:
        curves = {name: log.scalars[tag] for name, log in logs.items() if tag in log.scalars}
        if not curves:
            known = ", ".join(dict.fromkeys(tag for log in logs.values() for tag in log.scalars))
            raise ValueError(f"tags must be among {known}; got {tag}")
        layout = {title: patterns for log in logs.values() for title, patterns in log.charts.items()}
        titles = [title for title, patterns in layout.items() if any(_match(pattern, tag) for pattern in patterns)]
        charts.append(Chart(tag, curves, *titles[:1]))
    return charts


def draw_chart(axes: Any, chart: Chart) -> None:
    """Draw a chart into the axes of a figure of matplotlib."""
    with import_module("matplotlib").rc_context({"text.parse_math": False}):  # a $ in a tag begins no formula
        _draw_chart(axes, chart)


def _draw_chart(axes: Any, chart: Chart) -> None:
    for (name, (steps, values)), colour, marker in zip(chart.curves.items(), cycle(COLOURS), cycle(MARKERS)):
        axes.plot(steps, values, label=name, color=colour, marker=marker if len(steps) <= MARKED_POINTS else None)
    axes.set(title=fill(chart.title, TITLE_WIDTH), xlabel="mini-batches", ylabel=chart.quantity.replace(", ", ",\n"))
    ticker = import_module("matplotlib.ticker")
    everything = [value for _, values in chart.curves.values() for value in values]
    if min(everything) > 0 and max(everything) >= LOGARITHMIC * min(everything):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(ticker.NullFormatter())
    axes.xaxis.set_major_locator(ticker.MaxNLocator(4))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(color="#dddddd")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
