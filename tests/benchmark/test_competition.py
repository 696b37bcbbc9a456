from concurrent.futures import Future
from dataclasses import replace

from mnist_mlp.benchmark import competition
from mnist_mlp.benchmark.competition import Measurement, stragglers
from mnist_mlp.benchmark.workloads import WORKLOADS

SMALL = WORKLOADS["small"]


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

    monkeypatch.setattr(competition, "LocalExecutor", Process)
    said = []
    (measured,) = competition.compete(SMALL, ["scikit-learn"], "cpu", epochs=2, repeats=2, say=said.append)
    assert measured == Measurement("small", "scikit-learn", [1.5, 1.5], [0.9, 0.9], 500.0)
    assert said == ["small: repeat 1 of 2, scikit-learn", "small: repeat 2 of 2, scikit-learn"]


def test_who_reaches_another_accuracy_is_named(measured):
    assert stragglers(measured) == []
    lazy = replace(measured[0], contestant="scikit-learn", accuracies=[0.9])
    (sentence,) = stragglers([*measured, lazy])
    assert sentence.startswith("scikit-learn reached 90.00 % where the median contestant reached 95.00 %")
    broken = replace(lazy, accuracies=[float("nan")])
    assert len(stragglers([*measured, broken])) == 1
