from dataclasses import replace
from importlib import import_module
from statistics import median

import pytest

from mnist_mlp.benchmark import chart
from mnist_mlp.benchmark.chart import draw
from mnist_mlp.console.figures import new_figure


def test_the_chart_is_drawn(measured, tmp_path):
    pytest.importorskip("matplotlib")
    wide = [replace(m, workload="wide") for m in measured]
    draw(measured + wide, tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_a_logarithmic_axis_has_points_and_no_bars(measured, tmp_path, monkeypatch):
    """A bar is read by its length from zero, which such an axis does not have."""
    pytest.importorskip("matplotlib")
    figures = []
    monkeypatch.setattr(chart, "new_figure", lambda *size: figures.append(new_figure(*size)) or figures[-1])
    draw(measured, tmp_path / "chart.png")
    (axes,) = figures[0].axes
    patches = import_module("matplotlib.patches")
    assert axes.get_xscale() == "log"
    assert not [each for each in axes.patches if isinstance(each, patches.Rectangle)]
    ranges, points = axes.collections
    rows = measured[::-1]  # the first stands on top
    assert [x for x, _ in points.get_offsets()] == [median(m.seconds) for m in rows]
    assert [tuple(x for x, _ in line) for line in ranges.get_segments()] == [
        (min(m.seconds), max(m.seconds)) for m in rows
    ]
