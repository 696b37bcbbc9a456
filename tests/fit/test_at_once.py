"""Networks that are trained at once become the networks that they become alone."""

from typing import Any

import pytest
import torch

from mnist_mlp.fit import prepare
from mnist_mlp.fit.at_once import obstacle_to_a_stack, prepare_all, train_at_once
from mnist_mlp.fit.settings import laid_over
from mnist_mlp.reproduction.epoch_curves import Curves

SEEDS = (3, 0, 4)


def sgd(**init_args):
    return {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.5, **init_args}}


RECIPE: dict[str, Any] = {
    "model": {"hidden_sizes": [6, 5], "gradients": "manual", "optimizer": sgd()},
    "data": {"batch_size": 8, "val_size": 20, "steps_per_execution": "auto"},
    "trainer": {"max_epochs": 3, "logger": False, "enable_progress_bar": False, "accelerator": "cpu"},
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model": {"activation": "sigmoid", "cost": "quadratic", "initializer": "large"}},
        {"model": {"cost": "mse"}},
        {"model": {"cost": "binary_cross_entropy", "activation": ["tanh", "scaled_tanh"]}},
        {"model": {"hidden_sizes": [], "initializer": "zeros"}},
        {"model": {"dropout": 0.4, "input_dropout": 0.2}},
        {"model": {"l1": 1.0, "l2": 3.0}},
        {"model": {"max_norm": 0.5}},
        {"model": {"optimizer": sgd(momentum=0.9, nesterov=True)}},
        {"model": {"optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.01}}}},
        {"model": {"scheduler": {"class_path": "ExponentialLR", "init_args": {"gamma": 0.8}}}},
        {
            "model": {
                "optimizer": sgd(momentum=0.5),
                "scheduler": {"class_path": "mnist_mlp.schedules.RisingMomentum", "init_args": {"total_iters": 9}},
                "scheduler_interval": "step",
            }
        },
        {"model": {"optimizer": sgd(lr=0.1)}, "data": {"batch_size": 7, "normalize": True}},
        {"data": {"shuffle": False, "augmentation": {"rotation": 10.0, "alpha": [34.0, 34.0]}}},
    ],
    ids=str,
)
def test_together_as_alone(changes, tiny_mnist, tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mnist_mlp.fit.at_once.JOINT_IMAGES", 50)  # two mini-batches of each network, and the last
    settings = laid_over(RECIPE, changes)
    sessions, generators = prepare_all({**settings, "seed_everything": seed} for seed in SEEDS)
    assert obstacle_to_a_stack(sessions[0]) is None
    before = [[p.clone() for p in session.model.parameters()] for session in sessions]
    curves = [Curves(["train", "val", "test"]) for _ in sessions]
    sessions[0].datamodule.setup("test")
    assert train_at_once(sessions, generators, [noted.add_epoch for noted in curves]) == [True] * len(SEEDS)
    for session, seed, start, noted in zip(sessions, SEEDS, before, curves, strict=True):
        own = Curves(["train", "val", "test"])
        once = {"seed_everything": seed, "trainer": {"enable_checkpointing": False}}
        alone = prepare(callbacks=[own], **laid_over(settings, once))
        alone.execute()
        for one, other, first in zip(alone.model.parameters(), session.model.parameters(), start, strict=True):
            torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-5)
            assert one.numel() < 100 or not torch.equal(one, first)
        for name, values in own.series.items():
            assert noted.series[name] == pytest.approx(values, rel=1e-3), name
    assert not torch.equal(sessions[0].model.mlp.weights[0], sessions[1].model.mlp.weights[0]) or "zeros" in str(
        changes
    )


def test_a_network_that_diverges_leaves_the_others_alone(tiny_mnist, tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)

    def series(*spoiled):
        sessions, generators = prepare_all({**RECIPE, "seed_everything": seed} for seed in SEEDS)
        for i in spoiled:
            sessions[i].model.mlp.weights[0].data.fill_(torch.inf)
        curves = [Curves(["val"]) for _ in sessions]
        sound = train_at_once(sessions, generators, [noted.add_epoch for noted in curves])
        assert sound == [i not in spoiled for i in range(len(SEEDS))]
        return [noted.series for noted in curves]

    sound, spoiled = series(), series(1)
    assert spoiled[0] == sound[0]
    assert spoiled[2] == sound[2]
    assert spoiled[1]["val/acc"] == []
    assert [one["val/acc"] for one in series(0, 1, 2)] == [[], [], []]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"model": {"hidden_sizes": [800]}, "data": {"batch_size": 30}}, "its size"),
        ({"trainer": {"gradient_clip_val": 1}}, "clipping"),
        ({"model": {"adversarial": 0.5}}, "adversarial examples"),
        ({"trainer": {"max_steps": 3}}, "a limit to the steps"),
        ({"trainer": {"precision": "64-true"}}, "another precision"),
        (
            {"trainer": {"callbacks": {"class_path": "EarlyStopping", "init_args": {"monitor": "val/loss"}}}},
            "callbacks",
        ),
        ({"model": {"optimizer": {"class_path": "torch.optim.LBFGS"}}}, "its optimizer"),
        (
            {
                "model": {
                    "scheduler": {
                        "class_path": "lightning.pytorch.cli.ReduceLROnPlateau",
                        "init_args": {"monitor": "val/loss"},
                    }
                }
            },
            "a schedule that watches a metric",
        ),
    ],
    ids=str,
)
def test_what_is_trained_alone(changes, what, tiny_mnist, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    session = prepare("fit", **laid_over(RECIPE, changes))
    assert obstacle_to_a_stack(session) == what
