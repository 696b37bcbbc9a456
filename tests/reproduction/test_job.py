import time
from math import inf
from types import SimpleNamespace

import pytest
import torch

from mnist_mlp.reproduction.job import Job
from mnist_mlp.reproduction.results import digest
from mnist_mlp.reproduction.trained_at_once import prepare_seeds


def test_a_training_that_is_stopped_is_gone_on_with(tiny, tmp_path, monkeypatch):
    def job(work_dir, deadline=None):
        return Job("tiny", (0,), tiny, digest(tiny), ("train", "val", "test"), "cpu", tmp_path / work_dir, deadline)

    whole = job("whole").run()[0][0]
    with monkeypatch.context() as late:
        late.setattr(
            "mnist_mlp.reproduction.epoch_curves.time",
            SimpleNamespace(time=lambda: inf, perf_counter=time.perf_counter),
        )
        assert job("stopped", deadline=time.time() + 600).run() == ({}, "")
    (checkpoint,) = (tmp_path / "stopped").rglob("last.ckpt")
    assert torch.load(checkpoint, weights_only=True)["epoch"] == 0
    resumed = job("stopped").run()[0][0]
    assert resumed.series == whole.series
    assert resumed.seconds > 0


@pytest.mark.parametrize("kind", ["cut off", "a flipped bit", "empty", "without settings"])
def test_a_stopped_training_that_is_damaged_starts_anew(tiny, tmp_path, monkeypatch, kind):
    def job(work_dir, deadline=None):
        return Job("tiny", (0,), tiny, digest(tiny), ("test",), "cpu", tmp_path / work_dir, deadline)

    whole = job("whole").run()[0][0]
    with monkeypatch.context() as late:
        clock = SimpleNamespace(time=lambda: inf, perf_counter=time.perf_counter)
        late.setattr("mnist_mlp.reproduction.epoch_curves.time", clock)
        job("stopped", deadline=time.time() + 600).run()
    (checkpoint,) = (tmp_path / "stopped").rglob("last.ckpt")
    content = bytearray(checkpoint.read_bytes())
    if kind == "a flipped bit":
        content[len(content) // 2] ^= 1
    elif kind == "without settings":
        (checkpoint.parent.parent / "config.yaml").write_text("model: [")
    else:
        del content[0 if kind == "empty" else len(content) // 2 :]
    checkpoint.write_bytes(content)
    assert job("stopped").run()[0][0].series == whole.series


def test_a_training_that_ends_early_at_the_deadline_is_complete(tiny, tmp_path, monkeypatch):
    stopping = "{class_path: EarlyStopping, init_args: {monitor: val/acc, mode: max, min_delta: 1, patience: 1}}"
    tiny.write_text(tiny.read_text().replace("max_epochs: 2}", f"max_epochs: 9, callbacks: [{stopping}]}}"))
    clock = SimpleNamespace(time=iter([0, inf]).__next__, perf_counter=time.perf_counter)
    monkeypatch.setattr("mnist_mlp.reproduction.epoch_curves.time", clock)
    runs, _ = Job("tiny", (0,), tiny, digest(tiny), ("test",), "cpu", tmp_path, time.time() + 600).run()
    assert len(runs[0].series["test/acc"]) == 2


def test_one_network_that_diverges_is_named_and_the_others_are_kept(tiny, tmp_path, monkeypatch):
    def spoiled(*args, **settings):
        sessions, generators = prepare_seeds(*args, **settings)
        sessions[1].model.mlp.weights[0].data.fill_(inf)
        return sessions, generators

    monkeypatch.setattr("mnist_mlp.reproduction.job.prepare_seeds", spoiled)
    job = Job("tiny", (0, 1, 2), tiny, digest(tiny), ("val", "test"), "cpu", tmp_path, None)
    runs, error = job.run()
    assert list(runs) == [0, 2]
    assert "NaN or infinite" in error


def test_a_configuration_that_is_changed_meanwhile_is_not_filed_as_the_old_one(tiny, tmp_path):
    job = Job("tiny", (0,), tiny, "another digest", ("test",), "cpu", tmp_path, None)
    with pytest.raises(ValueError, match=r"tiny.yaml was changed meanwhile"):
        job.run()
