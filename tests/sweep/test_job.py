import time
from pathlib import Path
from typing import Any

import pytest

from mnist_mlp.data.digits import read_digits
from mnist_mlp.data.recognition import DIGITS, Source
from mnist_mlp.fit import prepare
from mnist_mlp.fit.settings import laid_over
from mnist_mlp.sweep.job import TrialJob
from mnist_mlp.sweep.search import SILENT, read_search
from mnist_mlp.sweep.study import COMPLETE, DIVERGED, LATE, PRUNED, Outcome, SharedStudy

STUDY, NO_LOCK = Path("study.journal"), Path("no.lock")
DRAWN = {
    "model.optimizer.lr": 0.1,
    "model.optimizer.momentum": 0.9,
    "model.hidden_sizes.depth": 1,
    "model.hidden_sizes.width": 8,
}


def best_of(session: Any):
    """The best accuracy on the validation images, of the epoch that was kept."""
    return session.trainer.checkpoint_callback.best_model_score.item()


@pytest.fixture
def search(config):
    return read_search(config)


@pytest.fixture
def train(search):
    """Train a trial that no file knows, with some settings of its own."""

    def outcome(deadline=None, **settings):
        settings = laid_over(laid_over(search.settings_of(DRAWN), SILENT), settings)
        (outcome,) = TrialJob({0: settings}, STUDY, search.digest, NO_LOCK, deadline).run()
        return outcome

    return outcome


def test_the_curve_is_that_of_fit(train, search):
    outcome = train()
    fit = prepare("fit", **laid_over(search.settings_of(DRAWN), {"trainer": {"enable_progress_bar": False}}))
    fit.execute()
    assert outcome.ending == COMPLETE
    assert len(outcome.curve) == 3
    assert outcome.curve[2] == fit.trainer.callback_metrics["val/acc"].item()
    assert max(outcome.curve.values()) == best_of(fit)
    assert outcome.seconds > 0


def test_it_says_nothing_and_writes_nothing(train, capfd):
    train()
    assert capfd.readouterr() == ("", "")
    assert [path.name for path in Path().iterdir()] == ["small.yaml"]


def test_a_training_that_diverges_is_no_error(train):
    assert train(model={"optimizer": {"init_args": {"lr": 1e38}}}).ending == DIVERGED


def test_a_training_that_is_late_stops_after_its_epoch(train):
    outcome = train(deadline=time.time())
    assert (outcome.ending, len(outcome.curve)) == (LATE, 1)


def test_the_last_epoch_is_never_late(train):
    assert train(deadline=time.time(), trainer={"max_epochs": 1}).ending == COMPLETE


def test_epochs_without_validation_are_not_noted(train):
    assert list(train(trainer={"check_val_every_n_epoch": 2, "max_epochs": 4}).curve) == [1, 3]
    assert list(train(trainer={"val_check_interval": 0.5, "max_epochs": 2}).curve) == [0, 1]


def test_a_training_that_never_validates_is_refused(train):
    with pytest.raises(ValueError, match="ended before its first validation"):
        train(trainer={"check_val_every_n_epoch": 9})


def test_the_test_images_are_not_read(train, monkeypatch):
    def read(train_images):
        assert train_images, "the test images were read"
        return read_digits(True)

    monkeypatch.setattr("mnist_mlp.data.module.find_source", lambda dataset, folder: Source("digits", DIGITS, read))
    assert train().ending == COMPLETE
    with pytest.raises(AssertionError, match="the test images were read"):
        prepare("fit", data={"dataset": "digits"}, model={"hidden_sizes": [3]}).datamodule.setup("test")


@pytest.mark.parametrize(("others", "ending"), [(0.99, PRUNED), (0.01, COMPLETE)])
def test_a_hopeless_training_is_given_up(search, others, ending):
    with SharedStudy(STUDY, search, 0) as study:
        trials: list[Any] = [study.ask(9) for _ in range(6)]
        for each in trials[:5]:
            study.tell(each, Outcome(COMPLETE, {0: others, 1: others, 2: others}, 1.0))
        trial = trials[5]
        settings = laid_over(search.settings_of(DRAWN), SILENT)
        (outcome,) = TrialJob({trial.number: settings}, STUDY, search.digest, study.lock_file, None).run()
        assert outcome.ending == ending
        assert len(outcome.curve) == (2 if ending == PRUNED else 3)
        assert study.frozen(trial.number).intermediate_values == outcome.curve


def test_a_study_of_another_sweep_at_the_same_path_is_left_alone(search, train):
    """As on another machine, whose disk has a sweep of its own."""
    with SharedStudy(STUDY, search, 0) as study:
        study.ask(9)
        assert len(train().curve) == 3
        assert study.frozen(0).intermediate_values == {}
    STUDY.write_text("no study\n")
    assert len(train().curve) == 3


@pytest.fixture
def train_at_once(search):
    """Train trials of which a file may know, which differ in some settings."""

    def outcomes(*own, deadline=None, numbers=None, lock=NO_LOCK):
        trials = [laid_over(laid_over(search.settings_of(DRAWN), SILENT), each) for each in own]
        numbers = numbers or range(len(own))
        return TrialJob(dict(zip(numbers, trials, strict=True)), STUDY, search.digest, lock, deadline).run()

    return outcomes


def with_rate(lr, l2=0.0):
    return {"model": {"l2": l2, "optimizer": {"init_args": {"lr": lr}}}}


def test_trials_at_once_have_the_curves_that_they_have_alone(train, train_at_once):
    own = [with_rate(0.1), with_rate(0.01, 3.0), with_rate(1.0), {"seed_everything": 7}]
    started = time.process_time()
    together = train_at_once(*own)
    assert 0 < sum(each.seconds for each in together) <= time.process_time() - started
    alone = [train(**settings) for settings in own]
    assert [each.curve for each in together] == [pytest.approx(each.curve, abs=0.011) for each in alone]
    assert len({tuple(each.curve.values()) for each in together}) == len(own)
    assert {each.ending for each in together} == {COMPLETE}


def test_one_of_several_that_diverges(train_at_once):
    first, second, third = train_at_once(with_rate(0.1), with_rate(1e38), with_rate(0.01))
    assert (second.ending, second.curve) == (DIVERGED, {})
    assert [(each.ending, len(each.curve)) for each in (first, third)] == [(COMPLETE, 3)] * 2


def test_several_that_are_late_stop_after_their_epoch(train_at_once):
    outcomes = train_at_once(with_rate(0.1), with_rate(0.2), deadline=time.time())
    assert [(each.ending, len(each.curve)) for each in outcomes] == [(LATE, 1)] * 2
    once = {"trainer": {"max_epochs": 1}}
    outcomes = train_at_once(once, once, deadline=time.time())
    assert [each.ending for each in outcomes] == [COMPLETE] * 2


def test_a_hopeless_one_of_several_is_given_up_and_the_others_are_not(search, train_at_once):
    with SharedStudy(STUDY, search, 0) as study:
        trials: list[Any] = [study.ask(9) for _ in range(7)]
        for each in trials[:5]:
            study.tell(each, Outcome(COMPLETE, {0: 0.3, 1: 0.3, 2: 0.3}, 1.0))
        numbers = [trial.number for trial in trials[5:]]
        hopeless, other = train_at_once(with_rate(1e-9), with_rate(0.1), numbers=numbers, lock=study.lock_file)
        assert (hopeless.ending, len(hopeless.curve)) == (PRUNED, 2)
        assert (other.ending, len(other.curve)) == (COMPLETE, 3)
        for number, outcome in zip(numbers, (hopeless, other), strict=True):
            assert study.frozen(number).intermediate_values == outcome.curve
