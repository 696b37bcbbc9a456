from pathlib import Path

import pytest

from mnist_mlp.fit.settings import read_settings
from mnist_mlp.reproduction.job import Job
from mnist_mlp.reproduction.published import ROWS, Figure, Row
from mnist_mlp.reproduction.results import Results, digest

CONFIG = """# a comment
model:
  hidden_sizes: [6]
  gradients: manual
  dropout: 0.2
  optimizer: {class_path: torch.optim.SGD, init_args: {lr: 0.1}}
data: {dataset: digits, batch_size: 10, val_size: 300, steps_per_execution: auto}
trainer: {max_epochs: 2}
"""
ROW = Row("a test", (Figure("test", "last", 5.0), Figure("val", "peak", 999.9, note="a note")), seeds=2)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """The configuration of the only row there is, in the present folder's configs/published."""
    monkeypatch.chdir(tmp_path)
    for name in list(ROWS):
        monkeypatch.delitem(ROWS, name)
    monkeypatch.setitem(ROWS, "tiny", ROW)
    (tmp_path / "configs" / "published").mkdir(parents=True)
    path = tmp_path / "configs" / "published" / "tiny.yaml"
    path.write_text(CONFIG)
    monkeypatch.setattr("mnist_mlp.reproduction.command.PUBLISHED", Path("configs/published"))
    monkeypatch.setattr("mnist_mlp.reproduction.plan.PUBLISHED", Path("configs/published"))
    return path


@pytest.fixture
def runs_in():
    """A function that reads the runs of the tiny row in a file."""
    return lambda path="logs/reproduction.json": Results(Path(path), Path("configs/published")).runs("tiny")


@pytest.fixture
def job_of(tiny):
    """A function that makes a job of the tiny row as its configuration is now, whose checkpoints lie below a folder."""

    def make(seeds=(0,), splits=("val", "test"), base=Path(), deadline=None):
        base.mkdir(exist_ok=True)
        return Job("tiny", seeds, read_settings(tiny), digest(tiny), ("digits", None), splits, "cpu", base, deadline)

    return make
