"""Networks that are trained at once become the networks that they become alone."""

from typing import Any

import pytest
import torch
from torch.nn.utils import parameters_to_vector

from mnist_mlp import MLP
from mnist_mlp.bare_loop.after_step import DescentOfEach, after_each_step
from mnist_mlp.fit import prepare
from mnist_mlp.fit.at_once import obstacle_to_a_stack, prepare_all, train_at_once
from mnist_mlp.fit.settings import laid_over
from mnist_mlp.network.stack import MLPStack
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
    assert obstacle_to_a_stack(sessions) is None
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


def adam(**init_args):
    return {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.01, **init_args}}


def exponential(gamma):
    return {"class_path": "ExponentialLR", "init_args": {"gamma": gamma}}


@pytest.mark.parametrize(
    ("changes", "own"),
    [
        ({}, [{"optimizer": sgd(lr=lr)} for lr in (0.1, 0.5, 2.0)]),
        ({}, [{"l2": l2} for l2 in (0.0, 3.0, 9.0)]),
        ({"l2": 3.0}, [{"l1": l1} for l1 in (2.0, 0.0, 0.5)]),
        ({"max_norm": 0.5, "dropout": 0.3}, [{"optimizer": sgd(lr=lr), "l2": 20 * lr} for lr in (0.1, 0.5, 0.2)]),
        ({}, [{"optimizer": sgd(lr=lr, momentum=m)} for lr, m in ((0.1, 0.0), (0.1, 0.9), (0.5, 0.5))]),
        ({}, [{"optimizer": adam(lr=lr, weight_decay=decay)} for lr, decay in ((0.01, 0.0), (0.1, 0.1), (1e-3, 1.0))]),
        ({}, [{"optimizer": adam()}, {"optimizer": sgd()}, {"optimizer": sgd(weight_decay=0.1)}]),
        ({}, [{"scheduler": exponential(0.5)}, {"scheduler": exponential(0.9)}, {"scheduler": None}]),
        (
            {"scheduler_interval": "step"},
            [{"scheduler": exponential(0.9 * lr), "optimizer": sgd(lr=lr)} for lr in (0.5, 0.8, 1.0)],
        ),
        ({}, [{"initializer": initializer} for initializer in ("he", "scaled", "large")]),
    ],
    ids=str,
)  # fmt: skip
def test_networks_with_numbers_of_their_own(changes, own, tiny_mnist, tmp_path, monkeypatch, without_shape_checks):
    """The same as alone, and not the same as each other: all have one seed."""
    monkeypatch.chdir(tmp_path)
    trainings = [laid_over(RECIPE, {"model": {**changes, **each}}) for each in own]
    sessions, generators = prepare_all(trainings)
    assert obstacle_to_a_stack(sessions) is None
    epochs = [0] * len(own)

    def count(i):
        epochs[i] += 1
        return True

    calls = [lambda model, data, i=i: count(i) for i in range(len(own))]
    assert train_at_once(sessions, generators, calls) == [True] * len(own)
    assert epochs == [3] * len(own)
    for session, settings in zip(sessions, trainings, strict=True):
        alone = prepare("fit", **laid_over(settings, {"trainer": {"enable_checkpointing": False}}))
        alone.execute()
        for one, other in zip(alone.model.parameters(), session.model.parameters(), strict=True):
            torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-5)
    first, *others = (parameters_to_vector(session.model.parameters()) for session in sessions)
    assert all((first - other).abs().max() > 1e-2 for other in others)


def test_plain_descent_of_all_is_one_call_for_each_parameter():
    networks = [MLP([5, 4, 3]) for _ in range(3)]
    stack = MLPStack(networks)
    optimizers = [torch.optim.SGD(mlp.parameters(), lr=lr) for mlp, lr in zip(networks, (0.1, 0.2, 0.3), strict=True)]
    (update,) = after_each_step(stack, optimizers)
    assert isinstance(update, DescentOfEach)
    for parameter in stack.parameters():
        parameter.grad = torch.ones_like(parameter)
    for lr in (0.2, 0.4):
        before = [mlp.weights[0].clone() for mlp in networks]
        update()
        steps = [(was - mlp.weights[0]).mean().item() for was, mlp in zip(before, networks, strict=True)]
        assert steps == pytest.approx([0.1, lr, 0.3], rel=1e-4)
        optimizers[1].param_groups[0]["lr"] = 0.4  # as a schedule does it


RATES = [{"model": {"l2": l2, "optimizer": sgd(lr=lr)}} for lr, l2 in ((0.1, 1.0), (0.5, 2.0), (1.0, 2.0))]
OPTIMIZERS = [{"model": {"optimizer": adam(lr=lr)}} for lr in (0.1, 0.05, 0.01)]
WITH_MOMENTUM = [{"model": {"optimizer": sgd(lr=0.05, momentum=0.9)}, "seed_everything": seed} for seed in SEEDS]


@pytest.mark.parametrize(
    ("own", "trained"),
    [(RATES, (1, 3, 2)), (OPTIMIZERS, (1, 3, 2)), (WITH_MOMENTUM, (3, 3, 3))],
    ids=["rates", "optimizers", "one optimizer, whose state cannot be taken apart"],
)
def test_a_network_that_is_done_leaves_the_others_alone(
    own, trained, tiny_mnist, tmp_path, monkeypatch, without_shape_checks
):
    """Also where one is left, and where all are done before their time."""
    monkeypatch.chdir(tmp_path)
    called = []

    def call(i, most):
        def after_epoch(model, data):
            called.append(i)
            return called.count(i) < most

        return after_epoch

    trainings = [laid_over(RECIPE, {"trainer": {"max_epochs": 9}, **each}) for each in own]
    sessions, generators = prepare_all(trainings)
    assert train_at_once(sessions, generators, [call(0, 1), call(1, 3), call(2, 2)]) == [True] * 3
    assert called == [0, 1, 2, 1, 2, 1]
    for session, settings, epochs in zip(sessions, trainings, trained, strict=True):
        once = {"trainer": {"enable_checkpointing": False, "max_epochs": epochs}}
        alone = prepare("fit", **laid_over(settings, once))
        alone.execute()
        for one, other in zip(alone.model.parameters(), session.model.parameters(), strict=True):
            torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-5)


def test_groups_with_rates_of_their_own_are_updated_by_each_optimizer():
    networks = [MLP([5, 4, 3]) for _ in range(2)]
    stack = MLPStack(networks)
    groups = [[{"params": mlp.weights, "lr": 0.1}, {"params": mlp.biases, "lr": 0.2}] for mlp in networks]
    (update,) = after_each_step(stack, [torch.optim.SGD(each) for each in groups])
    before = [parameter.clone() for parameter in (*stack.weights, *stack.biases)]
    for parameter in stack.parameters():
        parameter.grad = torch.ones_like(parameter)
    update()
    steps = [(was - now).mean().item() for was, now in zip(before, (*stack.weights, *stack.biases), strict=True)]
    assert steps == pytest.approx([0.1, 0.1, 0.2, 0.2], rel=1e-4)


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
        ({"trainer": {"gradient_clip_val": 1}}, "the Trainer's gradient_clip_val"),
        ({"model": {"adversarial": 0.5}}, "adversarial examples"),
        ({"trainer": {"max_steps": 3}}, "the Trainer's max_steps"),
        (
            {"trainer": {"precision": "64-true", "accumulate_grad_batches": 2}},
            "the Trainer's accumulate_grad_batches, precision",
        ),
        ({"trainer": {"limit_val_batches": 0.5}}, "the Trainer's limit_val_batches"),
        ({"trainer": {"check_val_every_n_epoch": 2}}, "the Trainer's check_val_every_n_epoch"),
        ({"trainer": {"max_epochs": -1}}, "a training without a last epoch"),
        (
            {"trainer": {"callbacks": {"class_path": "EarlyStopping", "init_args": {"monitor": "val/loss"}}}},
            "the Trainer's callbacks",
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
    assert obstacle_to_a_stack([session]) == what


@pytest.mark.parametrize(
    ("changes", "obstacle"),
    [
        ({"model": {"hidden_sizes": [6, 4]}}, "settings that differ"),
        ({"model": {"dropout": 0.1}}, "settings that differ"),
        ({"data": {"batch_size": 9}}, "settings that differ"),
        ({"model": {"optimizer": {"class_path": "torch.optim.LBFGS"}}}, "its optimizer"),
        ({"seed_everything": 5}, None),
    ],
    ids=str,
)
def test_networks_that_cannot_be_trained_together(changes, obstacle, tiny_mnist, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sessions = [prepare("fit", **laid_over(RECIPE, each)) for each in ({}, changes)]
    assert obstacle_to_a_stack(sessions) == obstacle
