from concurrent.futures import Executor, Future
from types import SimpleNamespace

import pytest

CONFIG = """# a comment
model:
  activation: relu
  cost: cross_entropy
  initializer: he
  gradients: manual
  optimizer: {class_path: torch.optim.SGD}
data: {dataset: digits, batch_size: 32, train_size: 320, val_size: 100, steps_per_execution: auto}
trainer: {max_epochs: 3, accelerator: cpu}
search:
  model.optimizer.lr: {low: 1e-3, high: 1, log: true}
  model.optimizer.momentum: [0.0, 0.9]
  model.hidden_sizes: {depth: [1, 2], width: {low: 3, high: 12}}
"""
OPTIONS = {"trials": 3, "workers": 1, "budget": None, "study": None}


class SameProcess(Executor):
    """Runs each job where it is submitted, and notes it."""

    def __init__(self):
        self.jobs = []

    @property
    def trials(self):
        """The settings of all trials, by number."""
        return {number: settings for job in self.jobs for number, settings in job.trials.items()}

    def submit(self, function, /, *args, **kwargs):
        self.jobs.append(function.__self__)
        future = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture
def config(tmp_path, monkeypatch, without_shape_checks):
    """A small search on the digits, the file small.yaml in an empty folder, which is the present one."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def same_process(monkeypatch):
    """Let sweeps train in this process; gives what notes their jobs."""
    executor = SameProcess()
    monkeypatch.setattr("mnist_mlp.sweep.sweep.executor_for", lambda *args: executor)
    return executor


@pytest.fixture
def options(config):
    """What is typed, with other values where they are given."""
    return lambda **typed: SimpleNamespace(**{**OPTIONS, "cluster": None, "config": config, **typed})
