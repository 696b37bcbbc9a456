"""What `mnist-mlp reproduce` says before it trains, and what it needs for that."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_mlp.reproduction import command as reproduction
from mnist_mlp.reproduction.plan import Part, duration, plan, sentence_of
from mnist_mlp.reproduction.published import ROWS
from mnist_mlp.reproduction.results import Results, Run, digest

ROOT = Path(__file__).parents[2]
CURVES = {"test/acc": [0.5], "val/acc": [0.5]}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0.4 s"),
        (7.23, "7.2 s"),
        (99.4, "99 s"),
        (100, "1.7 min"),
        (28 * 60, "28 min"),
        (99.6 * 60, "1.7 h"),
        (382_500, "4.4 days"),
        (None, "?"),
    ],
)
def test_a_time_is_said_in_two_digits(seconds, words):
    assert duration(seconds) == words


def test_what_is_missing_is_planned_with_the_time_that_was_measured(tiny, runs_in):
    results = Results(Path("own.json"), Path("configs/published"))
    assert plan({"tiny": 3}, results) == [Part("tiny", (0, 1, 2), None)]
    measured = Results(Path("configs/published/results.json"), Path("configs/published"))
    for seed, seconds in ((0, 10.0), (1, 30.0)):
        measured.add("tiny", digest(tiny), seed, Run(CURVES, seconds))
    results.add("tiny", digest(tiny), 1, Run(CURVES, 1.0))
    (part,) = plan({"tiny": 3}, results)
    assert (part.seeds, part.each, part.seconds) == ((0, 2), 20.0, 40.0)
    results.add("tiny", digest(tiny), 0, Run(CURVES, 1.0))
    results.add("tiny", digest(tiny), 2, Run(CURVES, 1.0))
    assert plan({"tiny": 3}, results) == []
    tiny.write_text(tiny.read_text().replace("lr: 0.1", "lr: 0.2"))
    assert plan({"tiny": 1}, results) == [Part("tiny", (0,), None)]  # another recipe takes another time


def test_the_sentence_adds_up_what_is_known_and_names_the_rest():
    parts = [Part("a", (0, 1, 2), 60.0), Part("b", (4,), 420.0)]
    assert sentence_of(parts, 1) == "4 networks to train: about 10 min on one core"
    assert sentence_of(parts, 4) == "4 networks to train: about 10 min on one core, 2.5 min on 4"
    parts.append(Part("c", (0,), None))
    assert sentence_of(parts, 1).endswith("5 networks to train: about 10 min on one core; the time of c is not known")
    assert sentence_of(parts[2:], 2) == "1 network to train; the time of c is not known"


def test_it_says_what_it_would_take_before_it_starts(tiny, capsys, monkeypatch):
    def started(*args):
        assert "2 networks to train; the time of tiny is not known" in capsys.readouterr().out
        raise KeyboardInterrupt

    monkeypatch.setattr("mnist_mlp.reproduction.command.executor_for", started)
    with pytest.raises(KeyboardInterrupt):
        reproduction.run(["tiny"])


def test_nothing_is_said_where_nothing_is_to_be_done(tiny, capsys):
    kept = Results(Path("kept.json"), Path("configs/published"))
    for seed in (0, 1):
        kept.add("tiny", digest(tiny), seed, Run(CURVES, 1.0))
    reproduction.run(["tiny", "--json", "kept.json", "--budget", "0"])
    out = capsys.readouterr().out
    assert "to train" not in out
    assert "not finished" not in out


def test_the_first_row_is_trained_while_the_next_are_prepared(tiny, monkeypatch):
    """A row that is not prepared before the time is over is not prepared at all."""
    prepared = []
    monkeypatch.setitem(ROWS, "second", ROWS["tiny"])
    Path("configs/published/second.yaml").write_text(tiny.read_text())
    clock = iter([0.0, 1.0, 61.0])  # the start, and before each row
    monkeypatch.setattr(reproduction.time, "time", lambda: next(clock))
    monkeypatch.setattr("mnist_mlp.reproduction.job.jobs_of", lambda name, *_: prepared.append(name) or [])
    assert reproduction.run(["--all", "--budget", "1"]) == 1
    assert prepared == ["tiny"]


@pytest.mark.parametrize("words", [["--help"], ["--all", "--budget", "0"]], ids=["help", "plan"])
def test_help_and_plan_need_neither_torch_nor_lightning(words, tmp_path):
    code = (
        "import sys; from mnist_mlp.cli import main\n"
        f"try: main(['reproduce', *{words}])\n"
        "except SystemExit: pass\n"
        "print(*sorted({'torch', 'lightning', 'scipy', 'jsonargparse'} & {*sys.modules}), file=sys.stderr)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""
    for name, row in ROWS.items():  # no name is broken, and each has its line
        (line,) = [line for line in done.stdout.splitlines() if line.strip().split(maxsplit=1)[:1] == [name]]
        assert str(row.seeds) in line.split()
    if words == ["--help"]:
        assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_published_rows_have_a_time():
    measured = Results(ROOT / "configs/published/results.json", ROOT / "configs/published")
    rows = {json.loads(line)["row"] for line in measured.path.read_text().splitlines()}
    for part in plan(dict.fromkeys(rows & ROWS.keys(), 1), Results(Path("none.json"), ROOT / "configs/published")):
        assert part.each, part.row
