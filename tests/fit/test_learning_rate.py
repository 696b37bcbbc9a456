"""`--lr_find`: a learning rate is suggested, and trained with as if it were typed."""

import math
import re
from pathlib import Path

import pytest
import torch

from mnist_mlp.cli import main
from mnist_mlp.fit import prepare
from mnist_mlp.fit.learning_rate import FIRST, steepest, suggested_rate

QUICK = Path(__file__).parent.parent.parent / "configs" / "quickstart.yaml"
QUIET = {"accelerator": "cpu", "enable_progress_bar": False, "max_epochs": 1}
SHORT = f"fit --config {QUICK} --trainer.max_epochs=1 --trainer.accelerator=cpu --trainer.enable_progress_bar=false"
RATES = [10 ** (-5 + 6 * step / 100) for step in range(100)]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)


def test_the_cost_falls_fastest_over_the_logarithm_of_the_rate():
    costs = [1 / (1 + rate / 1e-2) for rate in RATES]  # a logistic curve of log(rate), with its middle at 1e-2
    assert steepest(RATES, costs) == pytest.approx(1e-2, rel=0.1)
    falls_again = [cost if rate < 0.5 else math.inf for rate, cost in zip(RATES, costs, strict=True)]
    assert steepest(RATES, falls_again) == steepest(RATES, costs)


@pytest.mark.parametrize("costs", [[float(step) for step in range(100)], [math.nan] * 100, [3.0] * (FIRST - 1)])
def test_a_cost_that_does_not_fall_suggests_nothing(costs):
    with pytest.raises(ValueError, match=r"^lr_find suggests nothing: the cost did not fall with learning rates from"):
        steepest(RATES, costs)


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_train_is_a_training_with_the_rate_typed(capsys, optimizer):
    main([*SHORT.split(), f"--model.optimizer={optimizer}", "--lr_find=train", "--name=a"])
    rate = re.search(r"^--model.optimizer.lr (\S+) is suggested · logs/a/lr_find.png$", capsys.readouterr().out, re.M)
    assert rate
    main([*SHORT.split(), f"--model.optimizer={optimizer}", f"--model.optimizer.lr={rate[1]}", "--name=b"])
    found, typed = (torch.load(f"logs/{name}/version_0/checkpoints/last.ckpt", weights_only=True) for name in "ab")
    assert all(torch.equal(found["state_dict"][name], value) for name, value in typed["state_dict"].items())
    assert found["config"].replace("name: a", "name: b") == typed["config"]
    assert sorted(each.name for each in Path("logs/a").iterdir()) == ["lr_find.png", "version_0"]
    assert [each.name for each in Path().iterdir()] == ["logs"]


def test_suggest_trains_nothing_and_leaves_the_weights(capsys):
    session = prepare("fit", QUICK, trainer=QUIET)
    before = {name: value.clone() for name, value in session.model.state_dict().items()}
    rate = suggested_rate(session)
    assert 1e-3 < rate < 2e-2  # of Adam, whose usual rate is 0.001 to 0.01
    assert all(torch.equal(before[name], value) for name, value in session.model.state_dict().items())
    main([*SHORT.split(), "--lr_find=suggest"])
    assert f"lr {rate} is suggested · logs/quickstart/lr_find.png, in place of an older" in capsys.readouterr().out
    assert [str(each) for each in Path().rglob("*") if each.is_file()] == ["logs/quickstart/lr_find.png"]


def test_a_cost_that_becomes_infinite_ends_the_search(monkeypatch):
    def check_cost(model, cost, step, images="training"):
        if step == 60:
            raise FloatingPointError("the cost is infinite")

    monkeypatch.setattr("mnist_mlp.training.classifier.check_cost", check_cost)
    session = prepare("fit", QUICK, trainer=QUIET)
    before = {name: value.clone() for name, value in session.model.state_dict().items()}
    assert 1e-5 < suggested_rate(session) < RATES[60]
    assert all(torch.equal(before[name], value) for name, value in session.model.state_dict().items())


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("--trainer.callbacks=LearningRateFinder", "must be without LearningRateFinder, .* use --lr_find suggest"),
        ("--lr_find=train --trainer.devices=2", "lr_find takes its steps in one process"),
        (
            "--lr_find=train --model.scheduler=OneCycleLR --model.scheduler.max_lr=1 --model.scheduler.total_steps=9",
            "cannot train with OneCycleLR",
        ),
        ("--lr_find=yes", "lr_find: expected 'suggest', 'train' or null; got yes"),
    ],
)
def test_what_cannot_be_searched_is_refused(capsys, typed, sentence):
    with pytest.raises(SystemExit) as stopped:
        main([*SHORT.split(), *typed.split()])
    assert re.search(f"^mnist-mlp: error: .*{sentence}", str(stopped.value))
    assert not [*Path().rglob("*.ckpt"), *Path().rglob("*.png")]


def test_a_run_that_is_continued_is_refused():
    prepare("fit", QUICK, trainer=QUIET).execute()
    with pytest.raises(SystemExit, match="lr_find is for a new run, and ckpt_path continues one"):
        main(["fit", "--ckpt_path=last", "--lr_find=train", "--trainer.accelerator=cpu"])
    session = prepare("fit", QUICK, lr_find="train", trainer=QUIET)
    with pytest.raises(ValueError, match="lr_find is for the command line; a program gives this session to"):
        session.execute()
