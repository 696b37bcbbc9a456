import os
import signal
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rich.console import Console

from mnist_mlp.reproduction import workers
from mnist_mlp.reproduction.job import Job
from mnist_mlp.reproduction.results import Results, Run, digest

RUN = Run({"test/acc": [0.5, 0.9], "val/acc": [0.4, 0.6]}, 60.0)


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_training_that_is_killed_leaves_the_others_alone():
    runs = (killed, *(partial(tuple, ({i: RUN}, "")) for i in range(3)))
    jobs: Any = [SimpleNamespace(run=run, deadline=None) for run in runs]
    outcomes = [(trained, error) for _, trained, error in workers.finish(jobs, 2)]
    assert sorted(i for trained, _ in outcomes for i in trained) == [0, 1, 2]
    (error,) = (error for trained, error in outcomes if not trained)
    assert "BrokenProcessPool" in error


def test_rows_that_failed_are_named_and_what_was_trained_is_kept(tiny, tmp_path, monkeypatch):
    job = Job("tiny", (0, 1, 2), tiny, digest(tiny), ("val", "test"), "cpu", tmp_path, None)
    monkeypatch.setattr(workers, "finish", lambda jobs, at_a_time: [(job, {0: RUN, 2: RUN}, "it diverged")])
    printed = Console(record=True, width=200)
    kept = Results(Path("kept.json"), Path("configs/published"))
    assert workers.train([job], 1, kept, printed) == {"tiny"}
    assert "tiny, seeds 1: it diverged" in printed.export_text()
    assert list(kept.runs("tiny")) == [0, 2]
