import json
import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import inf
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rich.console import Console

from mnist_mlp.reproduction import command as reproduction
from mnist_mlp.reproduction.command import Job
from mnist_mlp.reproduction.published import Figure, Row
from mnist_mlp.reproduction.results import Results, Run, digest
from mnist_mlp.reproduction.trained_at_once import build_seeds

CONFIG = """# a comment
model:
  hidden_sizes: [6]
  gradients: manual
  dropout: 0.2
  optimizer: {class_path: torch.optim.SGD, init_args: {lr: 0.1}}
data: {dataset: digits, batch_size: 10, val_size: 300, steps_per_execution: auto}
trainer: {max_epochs: 2}
"""
ROW = Row("a test", (Figure("test", "last", 5.0), Figure("val", "peak", 99.9, note="a note")), tolerance=0.5, seeds=2)
BROKEN = [("x", "{}"), ("0", "5"), ("0", '{"test/acc": []}'), ("0", '{"test/acc": ["much"]}')]
HALF = Run({"test/acc": [0.5, 0.9, 0.8, 0.85], "val/acc": [0.4, 0.6, 0.7, 0.7]}, 60.0)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A folder with the configuration of the only row."""
    monkeypatch.chdir(tmp_path)
    for module in ("reproduction", "results"):
        monkeypatch.setattr(f"mnist_mlp.{module}.ROWS", {"tiny": ROW})
    (tmp_path / "configs" / "published").mkdir(parents=True)
    (tmp_path / "configs" / "published" / "tiny.yaml").write_text(CONFIG)
    return tmp_path / "configs" / "published" / "tiny.yaml"


def results(path="logs/reproduction.json"):
    return Results(Path(path), Path("configs/published")).runs("tiny")


@pytest.mark.parametrize("clipping", ["", "  gradient_clip_val: 100.0\n"], ids=["together", "alone"])
def test_a_row_is_trained_once_and_gives_the_same_numbers_again(tiny, clipping, capsys, monkeypatch):
    tiny.write_text(CONFIG.replace("trainer: {max_epochs: 2}\n", f"trainer:\n  max_epochs: 2\n{clipping}"))
    assert reproduction.run(["tiny", "--markdown", "table.md"]) == 1  # 99.9 % are out of reach
    assert re.search(r"tiny +test, last epoch +5\.00", capsys.readouterr().out)
    assert "missed by" in Path("table.md").read_text()
    runs = results()
    assert list(runs) == [0, 1]
    assert len(runs[0].series["test/acc"]) == len(runs[0].series["val/cost"]) == 2
    assert runs[0].series != runs[1].series
    assert not list(Path("logs").rglob("*.ckpt"))
    reproduction.run(["--all", "--json", "again.json"])
    assert [run.series for run in results("again.json").values()] == [run.series for run in runs.values()]
    monkeypatch.setattr(reproduction, "finish", None)  # which nothing needs now
    reproduction.run(["tiny"])


def test_another_seed_is_added_and_another_recipe_is_trained_anew(tiny):
    reproduction.run(["tiny", "--seeds", "1"])
    before = results()
    reproduction.run(["tiny"])
    assert results()[0] == before[0]
    assert list(results()) == [0, 1]
    tiny.write_text(CONFIG.replace("# a comment", "# another"))
    assert list(results()) == [0, 1]
    tiny.write_text(CONFIG.replace("lr: 0.1", "lr: 0.2"))
    assert list(results()) == []


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


@pytest.mark.parametrize("clipping", ["", "  gradient_clip_val: 1.0e+38\n"], ids=["together", "alone"])
def test_a_training_that_diverges_does_not_stop_the_others(tiny, clipping, capsys):
    diverging = CONFIG.replace("lr: 0.1", "lr: 1.0e+38").replace("  dropout: 0.2", "  activation: identity")
    tiny.write_text(diverging.replace("trainer: {max_epochs: 2}\n", f"trainer:\n  max_epochs: 2\n{clipping}"))
    assert reproduction.run(["tiny"]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert re.search(r"tiny, seeds 0(, 1)?: .* (NaN|inf|nan)", printed)
    assert "not finished" not in printed


def test_a_training_that_ends_early_at_the_deadline_is_complete(tiny, tmp_path, monkeypatch):
    stopping = "{class_path: EarlyStopping, init_args: {monitor: val/acc, mode: max, min_delta: 1, patience: 1}}"
    tiny.write_text(CONFIG.replace("max_epochs: 2}", f"max_epochs: 9, callbacks: [{stopping}]}}"))
    clock = SimpleNamespace(time=iter([0, inf]).__next__, perf_counter=time.perf_counter)
    monkeypatch.setattr("mnist_mlp.reproduction.epoch_curves.time", clock)
    runs, _ = Job("tiny", (0,), tiny, digest(tiny), ("test",), "cpu", tmp_path, time.time() + 600).run()
    assert len(runs[0].series["test/acc"]) == 2


def test_one_network_that_diverges_is_named_and_the_others_are_kept(tiny, tmp_path, monkeypatch):
    def spoiled(args, seeds):
        clis, generators = build_seeds(args, seeds)
        clis[1].model.mlp.weights[0].data.fill_(inf)
        return clis, generators

    monkeypatch.setattr(reproduction, "build_seeds", spoiled)
    job = Job("tiny", (0, 1, 2), tiny, digest(tiny), ("val", "test"), "cpu", tmp_path, None)
    runs, error = job.run()
    assert list(runs) == [0, 2]
    assert "NaN or infinite" in error
    printed = Console(record=True, width=200)
    monkeypatch.setattr(reproduction, "finish", lambda jobs, workers: [(job, runs, error)])
    kept = Results(Path("kept.json"), Path("configs/published"))
    assert reproduction.train([job], 1, kept, printed) == {"tiny"}
    assert "tiny, seeds 1: a parameter became NaN" in printed.export_text()
    assert list(kept.runs("tiny")) == [0, 2]


def test_a_configuration_that_is_changed_meanwhile_is_not_filed_as_the_old_one(tiny, tmp_path):
    job = Job("tiny", (0,), tiny, "another digest", ("test",), "cpu", tmp_path, None)
    with pytest.raises(ValueError, match=r"tiny.yaml was changed meanwhile"):
        job.run()


def test_what_two_commands_add_is_kept(tiny):
    def add(seeds):
        kept = Results(Path("kept.json"), Path("configs/published"))
        for seed in seeds:
            kept.add("tiny", digest(tiny), seed, HALF)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(add, (range(50), range(50, 100))))
    assert list(results("kept.json")) == list(range(100))


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_training_that_is_killed_leaves_the_others_alone():
    runs = (killed, *(partial(tuple, ({i: HALF}, "")) for i in range(3)))
    jobs: Any = [SimpleNamespace(run=run, deadline=None) for run in runs]
    outcomes = [(trained, error) for _, trained, error in reproduction.finish(jobs, 2)]
    assert sorted(i for trained, _ in outcomes for i in trained) == [0, 1, 2]
    (error,) = (error for trained, error in outcomes if not trained)
    assert "BrokenProcessPool" in error


def test_a_run_that_lacks_what_is_measured_now_does_not_count(tiny):
    kept = Results(Path("kept.json"), Path("configs/published"))
    kept.add("tiny", digest(tiny), 0, Run({"test/acc": [0.5]}, 1.0))
    assert kept.runs("tiny") == {}


def test_nothing_is_trained_when_the_time_is_over(tiny, capsys):
    assert reproduction.run(["tiny", "--budget", "0"]) == 1
    assert "not finished: tiny; the same command goes on" in capsys.readouterr().out


def test_a_file_of_another_kind_is_refused_and_left(tiny):
    runs = ('{"0": {"a": 1}}', *(f'{{"{s}": {{"series": {c}, "seconds": 1}}}}' for s, c in BROKEN))
    for content in ("[]", "{", *(f'{{"rows": {{"tiny": {{"seeds": {run}}}}}}}' for run in runs)):
        Path("bad.json").write_text(content)
        with pytest.raises(ValueError, match=r"bad.json does not hold results of mnist-mlp reproduce"):
            reproduction.run(["tiny", "--json", "bad.json"])
        assert Path("bad.json").read_text() == content


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "name rows, or give --all; got neither"),
        (["tiny", "--all"], "name rows, or give --all; got both"),
        (["tinny"], "there is no row tinny; did you mean tiny?"),
        (["zzz"], "there is no row zzz; mnist-mlp reproduce --help lists all"),
        (["tiny", "--seeds", "0"], "seeds must be at least 1; got 0"),
        (["tiny", "--budget", "-1"], "budget must be 0 minutes or more; got -1"),
        (["best", "--seeds", "2"], "seeds must be at least 3, of which a row takes the best; got 2"),
        (["tiny", "--configs", "none"], "there is no folder none"),
        (["tiny", "--configs", "logs"], "logs holds no tiny.yaml"),
        (["tiny", "--json", "configs"], "--json must name a file that can be written; got configs"),
        (["tiny", "--chart", "chart.svg"], "--chart must name a .png file; got chart.svg"),
        (["tiny", "--curves", "none"], "there is no folder none; make it"),
    ],
)
def test_what_makes_no_sense_is_refused(tiny, args, message, monkeypatch):
    monkeypatch.setitem(reproduction.ROWS, "best", Row("", (Figure("test", "peak", 5.0, best_of=3),)))
    Path("configs/published/best.yaml").write_text(CONFIG)
    monkeypatch.setattr("mnist_mlp.console.figures.find_spec", lambda name: True)
    Path("logs").mkdir()
    with pytest.raises(ValueError, match=re.escape(message)):
        reproduction.run(args)


def test_what_is_not_installed_is_named(tiny, monkeypatch):
    monkeypatch.setattr("mnist_mlp.console.figures.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"drawing needs matplotlib, .* pip install 'mnist-mlp\[plots\]'"):
        reproduction.run(["tiny", "--chart", "chart.png"])


def test_results_are_replaced_at_once(tiny, monkeypatch):
    kept = Results(Path("kept.json"), Path("configs/published"))
    kept.add("tiny", digest(tiny), 0, HALF)
    before = Path("kept.json").read_text()
    assert json.loads(before)["rows"]["tiny"]["seeds"]["0"]["seconds"] == 60

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        kept.add("tiny", digest(tiny), 1, HALF)
    assert Path("kept.json").read_text() == before
