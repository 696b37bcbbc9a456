import json

import pytest
import torch

from mnist_mlp.benchmark import command as benchmark


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--epochs", "0"], "epochs must be at least 1; got 0"),
        (["--repeats", "-1"], "repeats must be at least 1; got -1"),
        (["--json", "none/measured.json"], "--json must name a file that can be written; got none/measured.json"),
        (["--chart", "none/chart.png"], "--chart must name a file that can be written; got none/chart.png"),
        (["--json", "configs"], "--json must name a file that can be written; got configs"),
        (["--chart", "chart.jpg"], r"--chart must name a \.png file; got chart\.jpg"),
        (["--gradients", "--epochs", "3"], "--epochs belongs to the contestants; got --gradients, which has none"),
        (["--start-up", "x.yaml", "--chart", "c.png"], "--chart belongs to the contestants; got --start-up"),
        (["--device", "cuda"], "device cuda needs a CUDA device, and this machine has none; use --device cpu"),
    ],
)
def test_what_makes_no_sense_is_refused(args, message, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=message):
        benchmark.run(args)


def test_what_is_not_installed_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("mnist_mlp.benchmark.contestants.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"JAX scan is not installed.*pip install 'mnist-mlp\[bench\]'"):
        benchmark.run(["--contestant", "JAX scan"])
    monkeypatch.setattr("mnist_mlp.console.figures.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="drawing needs matplotlib, which is not installed"):
        benchmark.run(["--chart", str(tmp_path / "chart.png")])


@pytest.mark.mnist
def test_contestants_compete_and_reach_the_same_accuracy(tmp_path, capsys):
    chosen = ["our fit, manual", "bare autograd loop", "bare hand-written loop", "matrix products alone"]
    named = [part for name in chosen for part in ("--contestant", name)]
    path = tmp_path / "measured.json"
    twice = ["--workload", "wide", *named] * 2
    status = benchmark.run(["--epochs", "1", "--repeats", "1", "--json", str(path), *twice])
    assert status == 0, capsys.readouterr().out
    results = {row["contestant"]: row for row in json.loads(path.read_text())["results"]}
    assert list(results) == chosen
    assert results["matrix products alone"]["accuracies"] == []
    assert all(len(row["seconds"]) == 1 and row["seconds"][0] > 0 for row in results.values())
    assert 0.93 < results["our fit, manual"]["accuracies"][0] < 0.97
