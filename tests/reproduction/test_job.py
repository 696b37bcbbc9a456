import time
from dataclasses import replace
from math import inf
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mnist_mlp.fit.at_once import prepare_all
from mnist_mlp.reproduction.job import jobs_of


def test_a_training_that_is_stopped_is_gone_on_with(job_of, tmp_path, monkeypatch):
    def job(base, deadline=None):
        return job_of((0,), ("train", "val", "test"), tmp_path / base, deadline)

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
def test_a_stopped_training_that_is_damaged_starts_anew(job_of, tmp_path, monkeypatch, kind):
    def job(base, deadline=None):
        return job_of((0,), ("test",), tmp_path / base, deadline)

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


def test_a_training_that_ends_early_at_the_deadline_is_complete(tiny, job_of, tmp_path, monkeypatch):
    stopping = "{class_path: EarlyStopping, init_args: {monitor: val/acc, mode: max, min_delta: 1, patience: 1}}"
    tiny.write_text(tiny.read_text().replace("max_epochs: 2}", f"max_epochs: 9, callbacks: [{stopping}]}}"))
    clock = SimpleNamespace(time=iter([0, inf]).__next__, perf_counter=time.perf_counter)
    monkeypatch.setattr("mnist_mlp.reproduction.epoch_curves.time", clock)
    runs, _ = job_of((0,), ("test",), tmp_path, time.time() + 600).run()
    assert len(runs[0].series["test/acc"]) == 2


def test_one_network_that_diverges_is_named_and_the_others_are_kept(job_of, tmp_path, monkeypatch):
    def spoiled(trainings):
        sessions, generators = prepare_all(trainings)
        sessions[1].model.mlp.weights[0].data.fill_(inf)
        return sessions, generators

    monkeypatch.setattr("mnist_mlp.reproduction.job.prepare_all", spoiled)
    runs, error = job_of((0, 1, 2)).run()
    assert list(runs) == [0, 2]
    assert "NaN or infinite" in error


def test_a_job_has_its_settings_with_it_whatever_becomes_of_the_file(tiny, job_of):
    job = job_of()
    runs, _ = job.run()
    tiny.write_text("model: [")
    assert job.run()[0][0].series == runs[0].series


def test_a_job_is_the_training_of_its_configuration(tiny, job_of):
    (job,) = jobs_of("tiny", tiny, [0, 1], "cpu", None)
    assert job == job_of((0, 1), ("test", "val"), Path.cwd())


def test_a_job_in_a_process_that_has_done_others_gives_the_same(tiny, job_of):
    together, alone = job_of((0, 1)), job_of((2,))
    alike = [job.run()[0] for job in (together, alone, together, alone)]
    for first, second in zip(alike[:2], alike[2:], strict=True):
        assert {seed: run.series for seed, run in first.items()} == {seed: run.series for seed, run in second.items()}


def test_a_job_that_is_late_is_not_started(job_of):
    assert job_of(deadline=time.time() - 1).run() == ({}, "")


def test_a_machine_without_the_folder_of_the_command_takes_its_own(job_of, tmp_path):
    job = replace(job_of(), base=tmp_path / "of another machine")
    assert job.folder.is_relative_to(Path.cwd())
    job.run()
    assert not (tmp_path / "of another machine").exists()
    assert not job.folder.exists()  # where a later command would take it for what was stopped


def test_a_machine_that_cannot_train_leaves_what_was_stopped(job_of, tmp_path, monkeypatch):
    with monkeypatch.context() as late:
        clock = SimpleNamespace(time=lambda: inf, perf_counter=time.perf_counter)
        late.setattr("mnist_mlp.reproduction.epoch_curves.time", clock)
        job_of((0,), ("test",), tmp_path, time.time() + 600).run()
    (checkpoint,) = tmp_path.rglob("last.ckpt")
    before = checkpoint.read_bytes()
    with pytest.raises(ValueError, match="CUDA"):
        replace(job_of((0,), ("test",), tmp_path, None), device="cuda").run()
    assert checkpoint.read_bytes() == before
