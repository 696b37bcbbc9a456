import pytest

from mnist_mlp.reproduction.charts import DRAWINGS, draw_comparison, draw_curves
from mnist_mlp.reproduction.published import ROWS
from mnist_mlp.reproduction.results import Run


def test_the_pictures_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    series = {
        f"{split}/{what}": [0.5 + i / 1000 for i in range(400)]
        for split in ("train", "val", "test")
        for what in ("acc", "cost")
    }
    runs = {name: [Run(series, 1.0)] * 2 for name in ROWS}
    paths = draw_curves(runs, tmp_path)
    assert [path.stem for path in paths] == list(DRAWINGS)
    draw_comparison(runs, tmp_path / "comparison.png")
    for path in (*paths, tmp_path / "comparison.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
    assert draw_curves({}, tmp_path) == []
