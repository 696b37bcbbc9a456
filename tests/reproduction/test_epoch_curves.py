import time
from math import inf
from types import SimpleNamespace

import pytest
import torch
from lightning import Trainer, seed_everything

from mnist_mlp import MLPClassifier, MNISTDataModule
from mnist_mlp.reproduction.epoch_curves import Curves, measure

pytestmark = pytest.mark.usefixtures("tiny_mnist", "without_shape_checks")


def trained(tmp_path, curves, **model):
    seed_everything(0, verbose=False)
    classifier = MLPClassifier([6], optimizer=lambda p: torch.optim.SGD(p, lr=0.5), **model)
    data = MNISTDataModule(batch_size=8, val_size=20)
    quiet = {"logger": False, "enable_progress_bar": False, "enable_checkpointing": False, "accelerator": "cpu"}
    trainer = Trainer(max_epochs=3, callbacks=[curves], default_root_dir=tmp_path, enable_model_summary=False, **quiet)
    trainer.fit(classifier, data)
    return classifier, data, trainer


def test_the_last_points_are_what_lightning_logs_and_tests(tmp_path):
    curves = Curves(["val", "test"])
    classifier, data, trainer = trained(tmp_path, curves)
    assert [len(values) for values in curves.series.values()] == [3] * 4
    assert curves.series["val/acc"][-1] == pytest.approx(trainer.callback_metrics["val/acc"].item())
    assert curves.series["val/cost"][-1] == pytest.approx(trainer.callback_metrics["val/loss"].item(), rel=1e-4)
    (metrics,) = trainer.test(classifier, data, verbose=False)
    assert curves.series["test/acc"][-1] == pytest.approx(metrics["test/acc"])
    assert curves.series["test/cost"][-1] == pytest.approx(metrics["test/loss"], rel=1e-4)
    assert curves.seconds > 0


@pytest.mark.parametrize(("epochs", "complete"), [(2, False), (3, True)])
def test_a_deadline_spoils_only_what_would_have_gone_on(epochs, complete, tmp_path, monkeypatch):
    times = iter([0] * (epochs - 1) + [inf])
    monkeypatch.setattr(
        "mnist_mlp.reproduction.epoch_curves.time", SimpleNamespace(time=times.__next__, perf_counter=time.perf_counter)
    )
    curves = Curves(["val"], deadline=1.0)
    trained(tmp_path, curves)
    assert len(curves.series["val/acc"]) == epochs
    assert curves.complete == complete


def test_checkpoints_keep_the_curves_under_the_name_they_always_had():
    assert Curves(["val"]).state_key == "Curves"


def test_measuring_changes_nothing(tmp_path):
    measured, _, _ = trained(tmp_path, Curves(["train", "val", "test"]), dropout=0.5)
    alone, _, _ = trained(tmp_path, Curves([]), dropout=0.5)
    for one, other in zip(measured.parameters(), alone.parameters(), strict=True):
        assert torch.equal(one, other)


def test_dropout_is_off_and_penalties_are_on_while_measuring(tmp_path):
    classifier, data, _ = trained(tmp_path, Curves([]), activation="sigmoid", dropout=0.5, l2=3.0)
    assert measure(classifier, data, "val") == measure(classifier, data, "val")
    assert classifier.training
    _, cost = measure(classifier, data, "val")
    classifier.l2 = 0.0
    penalty = cost - measure(classifier, data, "val")[1]
    assert penalty == pytest.approx(classifier.mlp.l2_penalty(3.0 / 40).item(), rel=1e-4)


def test_the_cost_is_the_mean_of_the_means_of_mini_batches_to_the_last_digit(tmp_path, monkeypatch):
    for module in ("mnist_mlp.data.module", "mnist_mlp.reproduction.epoch_curves"):
        monkeypatch.setattr(f"{module}.EVALUATION_BATCH_SIZE", 7)
    classifier, data, _ = trained(tmp_path, Curves([]))
    with torch.no_grad():
        means = [(classifier.mlp.loss(classifier(x), y).item(), len(y)) for x, y in data.evaluation_loader("train")]
    assert len(means) == 6
    assert measure(classifier, data, "train")[1] == sum(mean * n for mean, n in means) / 40
