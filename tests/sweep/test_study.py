import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from optuna.trial import TrialState

from mnist_mlp.sweep import study_file
from mnist_mlp.sweep.best_settings import best_epoch
from mnist_mlp.sweep.search import read_search
from mnist_mlp.sweep.study import COMPLETE, DIVERGED, LATE, PRUNED, Outcome, SharedStudy, TrialInFile

PATH = Path("study.journal")
ASKS_AND_WAITS = """
import sys, time
from pathlib import Path
from mnist_mlp.sweep.best_settings import best_epoch
from mnist_mlp.sweep.search import read_search
from mnist_mlp.sweep.study import SharedStudy
with SharedStudy(Path("study.journal"), read_search(Path("small.yaml")), 0) as study:
    print(study.ask(9).params["model.optimizer.lr"], study.ask(9).params["model.optimizer.lr"], flush=True)
    time.sleep(600)
"""


@pytest.fixture
def search(config):
    return read_search(config)


@pytest.fixture
def open_study(search):
    return lambda seed=0: SharedStudy(PATH, search, seed)


@pytest.fixture
def asker(config):
    """Another process that trains two trials, and does not end."""
    process = subprocess.Popen([sys.executable, "-c", ASKS_AND_WAITS], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    yield process, [float(rate) for rate in process.stdout.readline().split()]
    process.kill()
    process.communicate()


def rates(study):
    return [trial.params.get("model.optimizer.lr") for trial in study.study.trials]


def complete(study, accuracy):
    study.tell(study.ask(99), Outcome(COMPLETE, {0: 0.1, 1: accuracy}, 1.0))


def test_values_lie_in_their_ranges(open_study):
    with open_study() as study:
        for _ in range(20):
            drawn = study.ask(20).params
            assert 1e-3 <= drawn["model.optimizer.lr"] <= 1
            assert drawn["model.optimizer.momentum"] in (0.0, 0.9)
            assert drawn["model.hidden_sizes.depth"] in (1, 2)
            assert drawn["model.hidden_sizes.width"] in range(3, 13)
        assert study.ask(20) is None


def test_the_endings_of_trials(open_study):
    with open_study() as study:
        for ending in (COMPLETE, PRUNED, DIVERGED):
            study.tell(study.ask(99), Outcome(ending, {0: 0.1, 1: 0.7, 2: 0.3}, 2.5))
        study.tell_error(study.ask(99), "no such file")
        ended = study.ended()
    assert [trial.state.name for trial in ended] == ["COMPLETE", "PRUNED", "PRUNED", "FAIL"]
    assert ended[0].value == 0.7  # that of the epoch which fit keeps
    assert ended[0].intermediate_values == {0: 0.1, 1: 0.7, 2: 0.3}
    assert best_epoch(ended[0]) == 2  # counted from 1
    assert ended[0].user_attrs["seconds"] == 2.5
    assert "diverged" in ended[2].user_attrs
    assert "diverged" not in ended[1].user_attrs
    assert ended[3].user_attrs["error"] == "no such file"


def test_a_sweep_goes_on_with_the_trials_of_before(open_study):
    with open_study() as study:
        complete(study, 0.9)
    with open_study() as study:
        assert [trial.value for trial in study.ended()] == [0.9]
        assert study.ask(1) is None
        assert study.ask(2)


def test_what_was_late_is_trained_again_and_counts_once(open_study):
    with open_study() as study:
        trial = study.ask(1)
        study.tell(trial, Outcome(LATE, {0: 0.5}, 1.0))
        assert study.ended() == []
    with open_study() as study:
        again = study.ask(1)
        assert again.params == trial.params
        assert study.frozen(again.number).intermediate_values == {}
        assert study.ask(1) is None


def test_what_an_error_stops_is_trained_again(open_study):
    drawn = []

    def interrupted():
        with open_study() as study:
            drawn.append(study.ask(1).params)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with open_study() as study:
        assert [study.ask(1).params] == drawn


def test_the_trials_of_a_living_process_are_its_own(open_study, asker):
    with open_study() as study:
        assert study.ask(2) is None
        assert study.ask(3)


def test_the_trials_of_a_killed_process_are_trained_again(open_study, asker):
    process, drawn = asker
    process.send_signal(signal.SIGKILL)
    process.wait()
    with open_study() as study:
        assert [study.ask(2).params["model.optimizer.lr"] for _ in range(2)] == drawn
        assert study.ask(2) is None
    assert [path.name for path in Path().iterdir() if path.suffix == ".lock"] == []


def test_the_lock_of_a_process_that_was_killed_while_it_wrote_is_broken(search, monkeypatch):
    """In a folder, to which a relative path leads."""
    path = Path("logs/small/study.journal")
    path.parent.mkdir(parents=True)
    with SharedStudy(path, search, 0) as study:
        complete(study, 0.5)
    study_file._lock_of(path).acquire()
    monkeypatch.setattr(study_file, "GRACE_SECONDS", 3)
    with SharedStudy(path, search, 0) as study:
        assert len(study.ended()) == 1


def test_each_process_draws_other_values_and_the_seed_decides_which(open_study):
    def drawn(seed):
        PATH.unlink(missing_ok=True)
        for _ in range(2):
            with open_study(seed) as study:
                complete(study, 0.5)
        return rates(open_study(seed))

    first = drawn(0)
    assert first[0] != first[1]
    assert drawn(0) == first
    assert drawn(1)[0] != first[0]


def test_two_at_once_draw_other_values(open_study):
    with open_study() as one, open_study() as other:
        assert one.ask(9).params != other.ask(9).params


def test_a_worker_reports_and_hears_what_is_hopeless(open_study, search):
    with open_study() as study:
        for _ in range(5):
            complete(study, 0.9)
        trial = study.ask(9)
        reporter = TrialInFile(PATH, search.digest, trial.number)
        assert not reporter.report(0, 0.05)  # too early
        assert reporter.report(1, 0.8)
        assert study.frozen(trial.number).intermediate_values == {0: 0.05, 1: 0.8}
        assert not reporter.report(1, 0.95)
        study.tell(trial, Outcome(PRUNED, {0: 0.05, 1: 0.8}, 1.0))  # what was reported already is no error
        assert study.ended()[-1].state is TrialState.PRUNED


def test_the_file_of_another_search_is_refused(open_study, config):
    with open_study() as study:
        complete(study, 0.5)
    before = PATH.read_bytes()
    config.write_text(config.read_text().replace("high: 12", "high: 13"))
    with pytest.raises(ValueError, match=r"study.journal holds the trials of another search: .*; name another file"):
        SharedStudy(PATH, read_search(config), 0)
    assert PATH.read_bytes() == before


def damaged(content):
    lines = content.splitlines(keepends=True)
    yield lines[0] + b"garbage\n" + b"".join(lines[1:])
    yield b"".join(lines[1:])  # the study itself is missing
    yield content.replace(b'"op_code":4', b'"op_code":77')
    yield content.replace(b'"op_code":5', b'"op_code":10')
    yield b"\0" * len(content)
    yield content + b"garbage"
    yield b"a text of mine, without an end"
    yield b"[1, 2]\n"
    yield json.dumps({"my": "settings"}).encode()


@pytest.mark.parametrize("i", range(9))
def test_a_damaged_file_is_refused_and_left_as_it_is(open_study, i):
    with open_study() as study:
        complete(study, 0.5)
    content = [*damaged(PATH.read_bytes())][i]
    PATH.write_bytes(content)
    with pytest.raises(ValueError, match=r"study.journal is no study of mnist-mlp sweep, or it is damaged") as refused:
        open_study()
    assert "\n" not in str(refused.value)
    assert PATH.read_bytes() == content


def test_a_last_line_without_an_end_is_cut_off(open_study):
    with open_study() as study:
        complete(study, 0.5)
    whole = PATH.read_bytes()
    for length in (1, 5, 40):
        PATH.write_bytes(whole + b'{"op_code":2,"worker_id":"7d3b5f60-8fa0-4d0e"'[:length])
        with open_study() as study:
            assert [trial.value for trial in study.ended()] == [0.5]
        assert PATH.read_bytes().startswith(whole)
        PATH.write_bytes(whole)
