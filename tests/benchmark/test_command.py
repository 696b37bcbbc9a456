import json
from concurrent.futures import Future

import pytest
import torch

from mnist_mlp.benchmark import command as benchmark
from mnist_mlp.benchmark.command import Measurement, stragglers, table_of
from mnist_mlp.benchmark.contestants import WORKLOADS, AutogradLoop, HandWrittenLoop
from mnist_mlp.benchmark.gradient_time import gradient_cost, peak_bytes
from mnist_mlp.benchmark.start_up import start_up

SMALL = WORKLOADS["small"]


def measurement(contestant, *seconds, accuracy=0.95, workload="small"):
    return Measurement(workload, contestant, list(seconds), [accuracy] * len(seconds), 900.0)


MEASURED = [
    measurement("our fit, manual", 0.5, 0.3, 0.4),
    measurement("bare autograd loop", 1.0, 0.8, 1.2),
    Measurement("small", "matrix products alone", [0.2, 0.2, 0.2], [], 900.0),
]


def test_the_table_gives_medians_and_ratios():
    rows = [
        [str(cell) for cell in row]
        for row in zip(*(column.cells for column in table_of(SMALL, MEASURED).columns), strict=True)
    ]
    assert rows[0] == ["our fit, manual", "0.400", "0.300 - 0.500", "80", "0.40", "2.00", "95.00%", "900"]
    assert rows[2] == ["matrix products alone", "0.200", "0.200 - 0.200", "40", "0.20", "1.00", "-", "900"]


def test_the_warm_up_epoch_does_not_count(monkeypatch):
    class Process:
        """Trains in no time, but for what it says."""

        def __init__(self, *args):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *args):
            pass

        def submit(self, train, name, workload, device, epochs):
            assert (name, workload, epochs) == ("scikit-learn", SMALL, 3)
            finished = Future()
            finished.set_result(([9.0, 1.0, 2.0], 0.9, 500.0))
            return finished

    monkeypatch.setattr(benchmark, "ProcessPoolExecutor", Process)
    said = []
    (measured,) = benchmark.compete(SMALL, ["scikit-learn"], "cpu", epochs=2, repeats=2, say=said.append)
    assert measured == Measurement("small", "scikit-learn", [1.5, 1.5], [0.9, 0.9], 500.0)
    assert said == ["small: repeat 1 of 2, scikit-learn", "small: repeat 2 of 2, scikit-learn"]


def test_who_reaches_another_accuracy_is_named():
    assert stragglers(MEASURED) == []
    lazy = measurement("scikit-learn", 0.1, accuracy=0.9)
    (sentence,) = stragglers([*MEASURED, lazy])
    assert sentence.startswith("scikit-learn reached 90.00% where the median contestant reached 95.00%")
    broken = measurement("scikit-learn", 0.1, accuracy=float("nan"))
    assert len(stragglers([*MEASURED, broken])) == 1


def test_the_chart_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    wide = [measurement(m.contestant, *m.seconds, workload="wide") for m in MEASURED]
    benchmark.draw(MEASURED + wide, tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_peak_memory_is_what_was_there_at_one_time():
    def work():
        first = torch.empty(1000)
        del first
        second, third = torch.empty(500), torch.empty(250)
        return second, third

    assert peak_bytes(work, "cpu") == 4000


def test_the_cost_of_a_gradient_is_measured():
    cost = gradient_cost(SMALL, "cpu", repeats=3)
    assert 1 < cost.manual_ratio < 10
    assert 1 < cost.autograd_ratio < 10
    gradients = 4 * (784 * 30 + 30 + 30 * 10 + 10)
    assert gradients < cost.manual_bytes < 1.2 * gradients
    assert gradients < cost.autograd_bytes < 1.2 * gradients


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


def test_a_start_up_that_ends_without_a_word_is_refused(monkeypatch):
    monkeypatch.setattr("mnist_mlp.benchmark.start_up.sys.executable", "false")
    with pytest.raises(ValueError, match="did not come to its first step: no message"):
        start_up("configs/quickstart.yaml", repeats=1)


def test_the_start_up_is_measured_part_by_part():
    parts, ratio = start_up("configs/quickstart.yaml", repeats=1)
    assert len(parts) == 5
    assert all(seconds >= 0 for seconds in parts.values())
    assert ratio > 0.5
    with pytest.raises(ValueError, match="the training did not come to its first step"):
        start_up("configs/none.yaml", repeats=1)


@pytest.mark.mnist
@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
def test_the_bare_loops_do_the_same_work(workload):
    networks = []
    for loop in (AutogradLoop, HandWrittenLoop):
        torch.manual_seed(0)
        contestant = loop(workload, "cpu")
        step, network = contestant.start()
        for n in (workload.batch_size, 7, workload.batch_size):
            step(contestant.images.x[:n], contestant.images.labels[:n])
        networks.append(network)
    with torch.no_grad():
        by_autograd, by_hand = (network(contestant.images.val_x[:100]) for network in networks)
    torch.testing.assert_close(by_hand, by_autograd, rtol=1e-4, atol=1e-4)


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
