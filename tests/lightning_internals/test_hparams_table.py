"""TensorBoard itself is asked, so that a version that says it otherwise is noticed."""

import json
import subprocess
import sys
import time
from urllib.request import Request, urlopen

import pytest
from torch.utils.tensorboard.summary import hparams
from torch.utils.tensorboard.writer import SummaryWriter

RESULTS = {"val/acc": {"a": 0.25, "b": 0.75}, "train/loss": {"a": 2.0, "b": 1.0}}


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """A function that asks the HParams of two runs, as their page does."""
    logs = tmp_path_factory.mktemp("logs")
    for run, rate in (("a", 0.1), ("b", 0.2)):
        with SummaryWriter(logs / run) as writer:
            for summary in hparams({"lr": rate, "cost": "mse"}, dict.fromkeys(RESULTS, 0.0)):
                writer._get_file_writer().add_summary(summary)
            for tag, values in RESULTS.items():
                writer.add_scalar(tag, values[run], 1)
    command = [sys.executable, "-m", "mnist_mlp", "dashboard", str(logs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        address = process.stdout.readline().split()[0]

        def ask(what, **asked):
            body = json.dumps({"experimentName": "", **asked}).encode()
            headers = {"Content-Type": "text/plain", "Accept-Encoding": "gzip"}  # which a browser accepts
            with urlopen(Request(f"{address}data/plugin/hparams/{what}", body, headers)) as answer:
                return json.load(answer)

        deadline = time.monotonic() + 20
        while len(rows_of(ask("session_groups", **query()))) < 2 and time.monotonic() < deadline:
            time.sleep(0.2)
        yield ask
        process.terminate()


def query(*columns):
    return {"allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS"], "colParams": columns, "sliceSize": 10}


def rows_of(answer):
    return {row["name"]: row["hparams"] for row in answer.get("sessionGroups", [])}


def test_results_are_the_first_columns(ask):
    columns = ask("experiment", hparamsLimit=1000)
    assert [info["name"] for info in columns["hparamInfos"]] == ["val/acc", "cost", "lr"]
    assert [info["differs"] for info in columns["hparamInfos"]] == [True, False, False]
    assert [info["name"]["tag"] for info in columns["metricInfos"]] == [*RESULTS]


def test_each_row_has_its_results_and_its_settings(ask):
    rows = rows_of(ask("session_groups", **query({"hparam": "val/acc"}, {"metric": {"tag": "train/loss"}})))
    assert rows["a"] == {"val/acc": 0.25, "lr": 0.1, "cost": "mse"}
    assert rows["b"] == {"val/acc": 0.75, "lr": 0.2, "cost": "mse"}


@pytest.mark.parametrize(("order", "first"), [("ORDER_DESC", "b"), ("ORDER_ASC", "a")])
def test_rows_are_sorted_by_a_result(ask, order, first):
    rows = rows_of(ask("session_groups", **query({"hparam": "val/acc", "order": order})))
    assert next(iter(rows)) == first
