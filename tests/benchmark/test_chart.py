from dataclasses import replace

import pytest

from mnist_mlp.benchmark.chart import draw


def test_the_chart_is_drawn(measured, tmp_path):
    pytest.importorskip("matplotlib")
    wide = [replace(m, workload="wide") for m in measured]
    draw(measured + wide, tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
