import os
from typing import Any, cast

import pytest
from torch.utils.tensorboard.summary import hparams
from torch.utils.tensorboard.writer import SummaryWriter

from mnist_mlp.dashboard.run_log import find_runs, read_run


def write(folder, name="a", values=(1.0, 2.0)):
    with SummaryWriter(folder / name) as writer:
        for step, value in enumerate(values):
            writer.add_scalar("val/acc", value, step)
        writer.add_text("model", "**two** layers")
    return folder / name


def test_what_was_written_is_read(tmp_path):
    log = read_run(write(tmp_path))
    assert log.scalars == {"val/acc": ([0, 1], [1.0, 2.0])}
    assert log.texts == {"model": "**two** layers"}
    assert (log.images, log.charts, log.results) == ({}, {}, [])


def test_charts_and_results_are_read(tmp_path):
    layout = {"one": {"cost": ["Multiline", ["train/loss", "val/loss"]]}, "two": {"norms": ["Multiline", ["norm/.*"]]}}
    layout |= {"acc": {tag: ["Multiline", [tag]] for tag in ("train/acc", "val/acc")}}  # a frame for each
    with SummaryWriter(tmp_path) as writer:
        writer.add_custom_scalars({"old": {"old": ["Multiline", ["old"]]}})
        writer.add_custom_scalars(layout)
        for summary in hparams({"lr": 0.1}, {"val/acc": 0.0, "norm/last": 0.0}):
            cast(Any, writer.file_writer).add_summary(summary)
    log = read_run(tmp_path)
    assert log.charts == {"cost": ["train/loss", "val/loss"], "norms": ["norm/.*"], "acc": ["train/acc", "val/acc"]}
    assert log.results == ["val/acc", "norm/last"]


def test_runs_are_found_the_newest_last(tmp_path):
    runs = [write(tmp_path, name) for name in ("b/version_1", "a/version_0", "c")]
    for age, run in enumerate(reversed(runs)):
        (events,) = run.glob("events*")
        os.utime(events, (1e9 - age, 1e9 - age))
    assert find_runs(tmp_path) == [runs[2], runs[1], runs[0]][::-1]
    assert find_runs(runs[1]) == [runs[1]]


@pytest.mark.parametrize(("folder", "message"), [("none", "there is no folder"), (".", "holds no run; train one")])
def test_a_folder_without_runs_is_refused(tmp_path, folder, message):
    with pytest.raises(ValueError, match=message):
        find_runs(tmp_path / folder)


@pytest.mark.parametrize("cut", [1, 30])
def test_of_a_file_that_is_cut_off_the_beginning_is_read(tmp_path, cut):
    run = write(tmp_path, values=[float(i) for i in range(100)])
    (events,) = run.glob("events*")
    content = events.read_bytes()
    events.write_bytes(content[: len(content) // 2 - cut])
    steps, values = read_run(run).scalars["val/acc"]
    assert 10 < len(steps) < 100
    assert values == [float(step) for step in steps]
