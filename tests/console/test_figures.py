import subprocess
import sys

import pytest

from mnist_mlp.console import figures


def test_a_figure_has_its_size_in_inches(tmp_path):
    pytest.importorskip("matplotlib")
    figure = figures.new_figure(3, 2)
    assert tuple(figure.get_size_inches()) == (3, 2)
    figure.subplots().plot([0, 1])
    figure.savefig(tmp_path / "figure.png")


def test_matplotlib_is_not_imported_before_something_is_drawn():
    code = "import mnist_mlp.console.files, sys; assert not {'matplotlib', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_that_it_is_missing_is_said_with_the_remedy(monkeypatch):
    monkeypatch.setattr(figures, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"drawing needs matplotlib, .*: pip install 'mnist-mlp\[plots\]'"):
        figures.check_drawing()
