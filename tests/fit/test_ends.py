"""How a training ends, and what is said of it."""

from pathlib import Path

import pytest

from mnist_mlp.fit import prepare

DATA = {"dataset": "digits", "val_size": 300, "batch_size": 400}
QUIET = {"accelerator": "cpu", "enable_progress_bar": False}
STILL = {"class_path": "torch.optim.SGD", "init_args": {"lr": 1e-9}}  # so that no epoch is better than the first


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)


def stopping(patience):
    arguments = {"monitor": "val/acc", "mode": "max", "patience": patience}
    return {"class_path": "EarlyStopping", "init_args": arguments}


def fit(patience, **settings):
    trainer = {**QUIET, "max_epochs": 20, "callbacks": [stopping(patience)]}
    model = {"hidden_sizes": [4], "optimizer": STILL}
    prepare("fit", model=model, data=DATA, dashboard={"enabled": False}, trainer=trainer, **settings).execute()


def test_an_early_stop_is_said_also_of_a_run_that_is_continued_and_a_larger_patience_goes_on(capsys):
    fit(2, name="run")
    end = "EarlyStopping ended the training in epoch {}: val/acc was not better for {} epochs"
    assert end.format(3, 2) in capsys.readouterr().out
    fit(2, ckpt_path="last")
    assert end.format(4, 3) in capsys.readouterr().out
    fit(6, ckpt_path="last")
    assert end.format(7, 6) in capsys.readouterr().out


def test_nothing_is_said_where_the_last_epoch_came_first(capsys):
    fit(50, name="run")
    assert "EarlyStopping" not in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:A `OneCycleLR` scheduler is using")  # epochs
@pytest.mark.parametrize(("interval", "least", "what"), [("step", 9, "mini-batches"), ("epoch", 3, "epochs")])
def test_a_cycle_of_the_learning_rate_that_ends_too_early_is_refused_before_the_training(interval, least, what):
    def train(total_steps):
        cycle = {"class_path": "OneCycleLR", "init_args": {"max_lr": 0.1, "total_steps": total_steps}}
        model = {"hidden_sizes": [4], "scheduler": cycle, "scheduler_interval": interval}
        trainer = {**QUIET, "max_epochs": 3}
        prepare("fit", model=model, data=DATA, name="run", trainer=trainer).execute()

    sentence = f"must be at least {least}, the {what} of this training; got {least - 1}"
    with pytest.raises(ValueError, match=rf"^model\.scheduler\.init_args\.total_steps {sentence}$"):
        train(least - 1)
    assert not Path("logs").exists()
    train(least)
