"""Networks that are trained at once become the networks that they become alone."""

import pytest
import torch

from mnist_mlp.fit.command import build
from mnist_mlp.reproduction.epoch_curves import Curves
from mnist_mlp.reproduction.trained_at_once import build_seeds, obstacle_to_a_stack, train_together

SEEDS = (3, 0, 4)
RECIPE = [
    "--model.hidden_sizes=[6,5]",
    "--model.gradients=manual",
    "--model.optimizer=SGD",
    "--model.optimizer.lr=0.5",
    "--data.batch_size=8",
    "--data.val_size=20",
    "--data.steps_per_execution=auto",
    "--trainer.max_epochs=3",
    "--trainer.logger=false",
    "--trainer.enable_progress_bar=false",
    "--trainer.accelerator=cpu",
]


@pytest.mark.parametrize(
    "changes",
    [
        [],
        ["--model.activation=sigmoid", "--model.cost=quadratic", "--model.initializer=large"],
        ["--model.cost=mse"],
        ["--model.cost=binary_cross_entropy", "--model.activation=[tanh,scaled_tanh]"],
        ["--model.hidden_sizes=[]", "--model.initializer=zeros"],
        ["--model.dropout=0.4", "--model.input_dropout=0.2"],
        ["--model.l1=1", "--model.l2=3"],
        ["--model.max_norm=0.5"],
        ["--model.optimizer.momentum=0.9", "--model.optimizer.nesterov=true"],
        ["--model.optimizer=Adam", "--model.optimizer.lr=0.01"],
        ["--model.scheduler=ExponentialLR", "--model.scheduler.gamma=0.8"],
        [
            "--model.optimizer.momentum=0.5",
            "--model.scheduler=mnist_mlp.schedules.RisingMomentum",
            "--model.scheduler.total_iters=9",
            "--model.scheduler_interval=step",
        ],
        ["--data.batch_size=7", "--data.normalize=true", "--model.optimizer.lr=0.1"],
        ["--data.shuffle=false", '--data.augmentation={"rotation": 10.0, "alpha": [34.0, 34.0]}'],
    ],
    ids=str,
)
def test_together_as_alone(changes, tiny_mnist, tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "mnist_mlp.reproduction.trained_at_once.JOINT_IMAGES", 50
    )  # two mini-batches of each network, and the last
    clis, generators = build_seeds([*RECIPE, *changes], SEEDS)
    assert obstacle_to_a_stack(clis[0]) is None
    before = [[p.clone() for p in cli.model.parameters()] for cli in clis]
    curves = [Curves(["train", "val", "test"]) for _ in clis]
    train_together(clis, generators, curves)
    for cli, seed, start, noted in zip(clis, SEEDS, before, curves, strict=True):
        alone = build(["fit", *RECIPE, *changes, f"--seed_everything={seed}", "--trainer.enable_checkpointing=false"])
        own = Curves(["train", "val", "test"])
        alone.trainer.callbacks.append(own)  # pyright: ignore[reportAttributeAccessIssue]
        alone.execute()
        for one, other, first in zip(alone.model.parameters(), cli.model.parameters(), start, strict=True):
            torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-5)
            assert one.numel() < 100 or not torch.equal(one, first)
        for name, values in own.series.items():
            assert noted.series[name] == pytest.approx(values, rel=1e-3), name
    assert not torch.equal(clis[0].model.mlp.weights[0], clis[1].model.mlp.weights[0]) or "zeros" in str(changes)


def test_a_network_that_diverges_leaves_the_others_alone(tiny_mnist, tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)

    def series(*spoiled):
        clis, generators = build_seeds(RECIPE, SEEDS)
        for i in spoiled:
            clis[i].model.mlp.weights[0].data.fill_(torch.inf)
        curves = [Curves(["val"]) for _ in clis]
        train_together(clis, generators, curves)
        assert [noted.complete for noted in curves] == [i not in spoiled for i in range(len(SEEDS))]
        return [noted.series for noted in curves]

    sound, spoiled = series(), series(1)
    assert spoiled[0] == sound[0]
    assert spoiled[2] == sound[2]
    assert spoiled[1]["val/acc"] == []
    assert [one["val/acc"] for one in series(0, 1, 2)] == [[], [], []]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        (["--model.hidden_sizes=[800]", "--data.batch_size=30"], "its size"),
        (["--trainer.gradient_clip_val=1"], "clipping"),
        (["--model.adversarial=0.5"], "adversarial examples"),
        (["--trainer.max_steps=3"], "a limit to the steps"),
        (["--trainer.precision=64-true"], "another precision"),
        (["--trainer.callbacks=EarlyStopping", "--trainer.callbacks.monitor=val/loss"], "callbacks"),
        (["--model.optimizer=LBFGS"], "its optimizer"),
        (
            ["--model.scheduler=lightning.pytorch.cli.ReduceLROnPlateau", "--model.scheduler.monitor=val/loss"],
            "a schedule that watches a metric",
        ),
    ],
    ids=str,
)
def test_what_is_trained_alone(changes, what, tiny_mnist, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (cli,), _ = build_seeds([*RECIPE, *changes], [0])
    assert obstacle_to_a_stack(cli) == what
