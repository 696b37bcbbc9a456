import re
from pathlib import Path

import pytest

from mnist_mlp.reproduction import command as reproduction
from mnist_mlp.reproduction.published import ROWS, Figure, Row

BROKEN = [("x", "{}"), ("0", "5"), ("0", '{"test/acc": []}'), ("0", '{"test/acc": ["much"]}')]


@pytest.mark.parametrize("clipping", ["", "  gradient_clip_val: 100.0\n"], ids=["together", "alone"])
def test_a_row_is_trained_once_and_gives_the_same_numbers_again(tiny, runs_in, clipping, capsys, monkeypatch):
    tiny.write_text(tiny.read_text().replace("trainer: {max_epochs: 2}\n", f"trainer:\n  max_epochs: 2\n{clipping}"))
    assert reproduction.run(["tiny", "--markdown", "table.md"]) == 1  # 999.9 % are out of reach
    assert re.search(r"tiny +test, last epoch +5\.00", capsys.readouterr().out)
    assert "missed by" in Path("table.md").read_text()
    runs = runs_in()
    assert list(runs) == [0, 1]
    assert len(runs[0].series["test/acc"]) == len(runs[0].series["val/cost"]) == 2
    assert runs[0].series != runs[1].series
    assert not list(Path("logs").rglob("*.ckpt"))
    reproduction.run(["--all", "--json", "again.json"])
    assert [run.series for run in runs_in("again.json").values()] == [run.series for run in runs.values()]
    monkeypatch.setattr("mnist_mlp.reproduction.command.executor_for", None)  # which nothing needs now
    reproduction.run(["tiny"])


def test_another_seed_is_added_and_another_recipe_is_trained_anew(tiny, runs_in):
    reproduction.run(["tiny", "--seeds", "1"])
    before = runs_in()
    reproduction.run(["tiny"])
    assert runs_in()[0] == before[0]
    assert list(runs_in()) == [0, 1]
    tiny.write_text(tiny.read_text().replace("# a comment", "# another"))
    assert list(runs_in()) == [0, 1]
    tiny.write_text(tiny.read_text().replace("lr: 0.1", "lr: 0.2"))
    assert list(runs_in()) == []


@pytest.mark.parametrize("clipping", ["", "  gradient_clip_val: 1.0e+38\n"], ids=["together", "alone"])
def test_a_training_that_diverges_does_not_stop_the_others(tiny, clipping, capsys):
    diverging = tiny.read_text().replace("lr: 0.1", "lr: 1.0e+38").replace("  dropout: 0.2", "  activation: identity")
    tiny.write_text(diverging.replace("trainer: {max_epochs: 2}\n", f"trainer:\n  max_epochs: 2\n{clipping}"))
    assert reproduction.run(["tiny"]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert re.search(r"tiny, seeds 0(, 1)?: .* (NaN|inf|nan)", printed)
    assert "not finished" not in printed


def test_nothing_is_trained_when_the_time_is_over(tiny, capsys, monkeypatch):
    monkeypatch.setattr("mnist_mlp.reproduction.command.executor_for", None)
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
    monkeypatch.setitem(ROWS, "best", Row("", (Figure("test", "peak", 5.0, best_of=3),)))
    Path("configs/published/best.yaml").write_text(tiny.read_text())
    monkeypatch.setattr("mnist_mlp.console.figures.find_spec", lambda name: True)
    Path("logs").mkdir()
    with pytest.raises(ValueError, match=re.escape(message)):
        reproduction.run(args)


def test_what_is_not_installed_is_named(tiny, monkeypatch):
    monkeypatch.setattr("mnist_mlp.console.figures.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"drawing needs matplotlib, .* pip install 'mnist-mlp\[plots\]'"):
        reproduction.run(["tiny", "--chart", "chart.png"])
