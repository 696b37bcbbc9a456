"""The notebook runs from its first cell to its last, as it stands."""

import ast
import json
import os
import re
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parent.parent / "scripts" / "first_steps.ipynb"
CELLS = json.loads(NOTEBOOK.read_text())["cells"]


def source(cell):
    return "".join(cell["source"])


def run(cell, names):
    """Run a cell as Jupyter does: what its last line is worth is shown."""
    tree = ast.parse(source(cell))
    *before, last = tree.body
    is_worth_something = isinstance(last, ast.Expr) and not source(cell).rstrip().partition("#")[0].endswith(";")
    exec(compile(ast.Module(before if is_worth_something else tree.body, []), NOTEBOOK.name, "exec"), names)
    if is_worth_something and (value := eval(ast.unparse(last), names)) is not None:
        print(value)


def test_it_is_short_and_carries_no_results():
    assert len(CELLS) <= 10
    for cell in CELLS:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.usefixtures("without_shape_checks")
def test_it_trains_looks_and_predicts(tmp_path, monkeypatch, capsys):
    plt = pytest.importorskip("matplotlib.pyplot")
    pictures = []
    monkeypatch.setitem(os.environ, "MPLBACKEND", "agg")
    monkeypatch.setattr(plt, "show", lambda: pictures.append(plt.gcf()))
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    plt.switch_backend("agg")
    try:
        for cell in CELLS:
            if cell["cell_type"] == "code":
                run(cell, names)
    finally:
        plt.close("all")
    out = capsys.readouterr().out
    assert "MNISTDataModule(dataset='digits', batch_size=10, val_size=300): 1,137 train, 300 validate, 360 test" in out
    assert float(re.findall(r"val/acc (\S+) %", out)[-1]) > 90
    assert re.fullmatch(r"\d \d+%( unsure)?", out.strip().splitlines()[-1].strip())
    assert len(pictures) == 3
    assert [*tmp_path.iterdir()] == []
