import math
import pickle
from functools import partial
from typing import Any, cast

import numpy as np
import pytest
import torch
from lightning import Callback, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.optim.lr_scheduler import ReduceLROnPlateau

from mnist_mlp import MLPClassifier, MNISTDataModule

SGD = torch.optim.SGD


def trainer(tmp_path, **arguments):
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    return Trainer(default_root_dir=tmp_path, **{"enable_checkpointing": False, **quiet, **arguments})


def tiny_data(**arguments):
    return MNISTDataModule(**{"batch_size": 8, "val_size": 20, **arguments})


def test_learns_digits_and_logs_every_metric(tmp_path):
    seed_everything(0, verbose=False)
    model = MLPClassifier([64], optimizer=lambda parameters: torch.optim.Adam(parameters, lr=3e-3))
    data = MNISTDataModule("digits", batch_size=32, val_size=300)
    fitter = trainer(tmp_path, max_epochs=8)
    fitter.fit(model, data)
    assert set(fitter.callback_metrics) == {"train/loss", "train/acc", "val/loss", "val/acc"}
    assert fitter.callback_metrics["val/acc"] > 0.9
    (tested,) = fitter.test(model, data, verbose=False)
    assert set(tested) == {"test/loss", "test/acc"}
    assert tested["test/acc"] > 0.9


def test_metrics_are_means_over_the_samples_of_an_epoch(tiny_mnist, tmp_path):
    model = MLPClassifier([], optimizer=lambda parameters: SGD(parameters, lr=0.0))
    data = tiny_data(batch_size=32)  # 40 images: a batch of 32 and one of 8
    fitter = trainer(tmp_path, max_epochs=2)
    fitter.fit(model, data)
    for stage, images in (("train", data.train_images), ("val", data.val_images)):
        logits = model(images.images / 255)
        loss = model.mlp.loss(logits, images.labels).item()
        accuracy = (logits.argmax(dim=1) == images.labels).float().mean().item()
        assert fitter.callback_metrics[f"{stage}/loss"].item() == pytest.approx(loss, rel=1e-5)
        assert fitter.callback_metrics[f"{stage}/acc"].item() == pytest.approx(accuracy)


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 5.0), (5.0, 0.0), (3.0, 5.0)])
def test_penalties_shrink_weights_by_lambda_over_n_and_not_biases(tiny_mnist, tmp_path, l1, l2):
    parameters = []
    for share in (0, 1):
        seed_everything(0, verbose=False)
        penalties = {"l1": share * l1, "l2": share * l2}
        model = MLPClassifier(
            [4], "sigmoid", "quadratic", "large", optimizer=lambda p: SGD(p, lr=0.5), **cast(Any, penalties)
        )
        before = {name: value.clone() for name, value in model.named_parameters()}
        trainer(tmp_path, max_steps=1).fit(model, tiny_data())
        parameters.append(dict(model.named_parameters()))
    without, penalized = parameters
    for name, first in before.items():
        # one step of w <- w - eta (nabla_w C_0 + l1/n sgn(w) + l2/n w), n = 40 training images
        decay = 0.5 / 40 * (l1 * first.sign() + l2 * first) if "weight" in name else 0
        torch.testing.assert_close(penalized[name], without[name] - decay)


@pytest.mark.parametrize(("interval", "steps"), [("epoch", 3), ("step", 15)])
def test_schedules_step_per_epoch_or_per_step(tiny_mnist, tmp_path, interval, steps):
    model = MLPClassifier(
        [4],
        optimizer=lambda parameters: SGD(parameters, lr=1.0),
        scheduler=lambda optimizer: torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9),
        scheduler_interval=interval,
    )
    fitter = trainer(tmp_path, max_epochs=3)
    fitter.fit(model, tiny_data())
    assert fitter.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.9**steps)


def test_a_plateau_schedule_watches_its_metric(tiny_mnist, tmp_path):
    from lightning.pytorch.cli import ReduceLROnPlateau as LightningsReduceLROnPlateau

    settings: dict[str, Any] = {"factor": 0.5, "patience": 0, "eps": 0}
    for makes, watched in (
        (lambda sgd: LightningsReduceLROnPlateau(sgd, "train/loss", **settings), "train/loss"),
        (lambda sgd: ReduceLROnPlateau(sgd, **settings), "val/loss"),
        (lambda sgd: ReduceLROnPlateau(sgd, mode="max", **settings), "val/acc"),
    ):
        model = MLPClassifier([4], optimizer=lambda parameters: SGD(parameters, lr=0.0), scheduler=makes)
        fitter = trainer(tmp_path, max_epochs=3)
        fitter.fit(model, tiny_data())
        assert fitter.lr_scheduler_configs[0].monitor == watched


def test_a_schedule_of_a_built_in_function_is_refused_before_the_training(tiny_mnist, tmp_path):
    model = MLPClassifier([4], scheduler=lambda sgd: torch.optim.lr_scheduler.LambdaLR(sgd, math.exp))
    with pytest.raises(ValueError, match=r"LambdaLR must have functions that .* in Python; got the built-in exp,"):
        trainer(tmp_path, max_epochs=1).fit(model, tiny_data())
    model.scheduler = lambda sgd: torch.optim.lr_scheduler.LambdaLR(sgd, lambda epoch: math.exp(-epoch))
    trainer(tmp_path, max_epochs=1, enable_checkpointing=True).fit(model, tiny_data())


def test_checkpoints_load_with_weights_only_and_rebuild_the_model(tiny_mnist, tmp_path):
    model = MLPClassifier([5, 4], ["sigmoid", "tanh"], "mse", "normal(0.1)", dropout=0.2, l2=0.1)
    fitter = trainer(tmp_path, max_epochs=1, enable_checkpointing=True)
    fitter.fit(model, tiny_data())
    path = tmp_path / "model.ckpt"
    fitter.save_checkpoint(path)
    stored = torch.load(path, weights_only=True)
    assert stored["hyper_parameters"]["hidden_sizes"] == [5, 4]
    torch.manual_seed(5)
    MLPClassifier([5, 4])
    random_state = torch.get_rng_state()
    torch.manual_seed(5)
    again = MLPClassifier.load_from_checkpoint(path)
    assert torch.equal(torch.get_rng_state(), random_state)  # not that of the checkpoint
    x = torch.rand(3, 784)
    assert torch.equal(again.eval()(x), model.eval()(x))
    assert again.mlp.activations == ("sigmoid", "tanh")
    assert again.mlp.dropout == 0.2


class StopAfter(Callback):
    """Save a checkpoint after a number of steps, and stop."""

    def __init__(self, steps, path):
        self.steps = steps
        self.path = path

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.global_step == self.steps:
            trainer.save_checkpoint(self.path)
            trainer.should_stop = True


def resumable():
    seed_everything(1, verbose=False)
    return MLPClassifier(
        [16],
        dropout=0.5,
        optimizer=lambda parameters: SGD(parameters, lr=0.1, momentum=0.9),
        scheduler=lambda optimizer: torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9),
        scheduler_interval="step",
    )


@pytest.mark.parametrize("steps", [2, 5, 7, 10], ids=lambda n: f"after {n} of 15 steps")
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tiny_mnist, tmp_path, steps):
    whole = resumable()
    trainer(tmp_path, max_epochs=3).fit(whole, tiny_data())

    interrupted, path = resumable(), tmp_path / "interrupted.ckpt"
    trainer(tmp_path, max_epochs=3, callbacks=[StopAfter(steps, path)]).fit(interrupted, tiny_data())
    seed_everything(99, verbose=False)
    resumed = resumable()
    fitter = trainer(tmp_path, max_epochs=3)
    torch.manual_seed(123)
    fitter.fit(resumed, tiny_data(), ckpt_path=path)
    assert fitter.global_step == 15
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
def test_a_run_resumed_from_an_epochs_end_equals_an_uninterrupted_one(tiny_mnist, tmp_path):
    whole = resumable()
    trainer(tmp_path, max_epochs=3).fit(whole, tiny_data())
    first = trainer(
        tmp_path,
        max_epochs=2,
        enable_checkpointing=True,
        callbacks=[ModelCheckpoint(tmp_path, "last", save_on_train_epoch_end=True)],
    )
    first.fit(resumable(), tiny_data())
    resumed = resumable()
    checkpoint = ModelCheckpoint(tmp_path, "last", save_on_train_epoch_end=True)
    second = trainer(tmp_path, max_epochs=3, enable_checkpointing=True, callbacks=[checkpoint])
    second.fit(resumed, tiny_data(), ckpt_path=tmp_path / "last.ckpt")
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


@pytest.mark.parametrize(
    ("spoilt_step", "message"),
    [
        (6, "the training loss became nan at step 8 in epoch 2: usually the learning rate is too large"),
        (9, "a parameter became NaN or infinite at step 10 in epoch 2: usually the learning rate"),
    ],
)
def test_divergence_stops_the_run_and_keeps_the_last_good_checkpoint(tiny_mnist, tmp_path, spoilt_step, message):
    class Spoil(Callback):
        def on_before_optimizer_step(self, trainer, pl_module, optimizer):
            if trainer.global_step == spoilt_step:
                next(pl_module.parameters()).grad = torch.full((4, 784), math.inf)

    checkpoint = ModelCheckpoint(tmp_path / "checkpoints", "last", save_on_train_epoch_end=True)
    fitter = trainer(tmp_path, max_epochs=3, enable_checkpointing=True, callbacks=[Spoil(), checkpoint])
    with pytest.raises(FloatingPointError, match=message):
        fitter.fit(MLPClassifier([4]), tiny_data())
    stored = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    assert stored["epoch"] == 0
    assert all(value.isfinite().all() for value in stored["state_dict"].values())


@pytest.mark.parametrize(("stage", "command"), [("validation", "validate"), ("test", "test")])
def test_a_measured_loss_that_is_no_number_is_an_error(tiny_mnist, tmp_path, stage, command):
    model = MLPClassifier([4], "identity", "mse", output_activation="identity")
    for parameter in model.mlp.parameters():
        torch.nn.init.constant_(parameter, 1e30)  # finite, but their product is not
    measure = getattr(trainer(tmp_path), command)
    with pytest.raises(FloatingPointError, match=f"the {stage} loss became (nan|inf) at step 0 in epoch 1: usually"):
        measure(model, tiny_data())


def test_a_checkpoint_of_another_architecture_is_refused_before_it_is_loaded(tiny_mnist, tmp_path):
    fitter = trainer(tmp_path, max_epochs=1)
    fitter.fit(MLPClassifier([5]), tiny_data())
    fitter.save_checkpoint(tmp_path / "model.ckpt")
    other = MLPClassifier([4, 3])
    message = (
        r"another architecture: missing mlp.layers.0.bias \(4,\), .*mlp.layers.2.weight \(10, 3\); "
        r"unexpected mlp.layers.0.bias \(5,\), .*mlp.layers.1.weight \(10, 5\); give the hidden_sizes"
    )
    with pytest.raises(ValueError, match=message):
        trainer(tmp_path).test(other, tiny_data(), ckpt_path=tmp_path / "model.ckpt", weights_only=True)


@pytest.mark.parametrize("name", ["l1", "l2"])
def test_negative_penalties_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 0; got -1"):
        MLPClassifier([4], **cast(Any, {name: -1}))


@pytest.mark.cuda
def test_trains_on_cuda(tmp_path):
    seed_everything(0, verbose=False)
    model = MLPClassifier([64], optimizer=lambda parameters: torch.optim.Adam(parameters, lr=3e-3))
    fitter = trainer(tmp_path, max_epochs=8, accelerator="cuda", devices=1)
    fitter.fit(model, MNISTDataModule("digits", batch_size=32, val_size=300))
    assert fitter.callback_metrics["val/acc"] > 0.9


@pytest.mark.mnist
def test_one_epoch_of_nielsens_network_on_mnist(tmp_path):
    """The book prints 9129 of 10,000 after the first epoch; runs differ by about a point."""
    seed_everything(0, verbose=False)
    model = MLPClassifier([30], "sigmoid", "quadratic", "large", optimizer=lambda parameters: SGD(parameters, lr=3.0))
    fitter = trainer(tmp_path, max_epochs=1)
    fitter.fit(model, MNISTDataModule(batch_size=10))
    assert 0.89 < fitter.callback_metrics["val/acc"] < 0.94


def test_a_classifier_can_be_pickled():
    model = MLPClassifier([4])
    again = pickle.loads(pickle.dumps(model))
    torch.testing.assert_close(again.state_dict(), model.state_dict(), rtol=0, atol=0)
    assert cast(SGD, again.configure_optimizers()).param_groups[0]["lr"] == 0.1


NUMPYS: list[dict[str, Any]] = [
    {"hidden_sizes": np.array([4, 3])},
    {"l1": np.float32(0.5), "l2": np.logspace(-1, 0, 3)[1], "max_norm": np.float64(2), "adversarial": np.float64(0.1)},
    {"dropout": np.float32(0.2), "input_dropout": np.float64(0.1), "activation": np.array(["tanh"])},
    {"num_inputs": np.int32(784), "num_classes": np.int64(10)},
    {"optimizer": partial(SGD, lr=np.float64(0.1), momentum=np.float64(0.5))},
    {"optimizer": partial(torch.optim.Adam, betas=tuple(np.array([0.9, 0.99])))},
    {"scheduler": partial(torch.optim.lr_scheduler.ExponentialLR, gamma=np.float64(0.5))},
    {"scheduler": partial(torch.optim.lr_scheduler.MultiStepLR, milestones=np.array([1, 2]))},
]


@pytest.mark.parametrize("settings", NUMPYS, ids=lambda settings: ", ".join(settings))
def test_numbers_of_numpy_are_stored_as_pythons(tiny_mnist, tmp_path, settings, without_shape_checks):
    model = MLPClassifier(**{"hidden_sizes": [4], **settings})
    trainer = Trainer(default_root_dir=tmp_path, max_epochs=1, logger=False, accelerator="cpu")
    trainer.fit(model, MNISTDataModule(batch_size=10, val_size=20))
    (path,) = tmp_path.glob("checkpoints/*.ckpt")
    torch.load(path, weights_only=True)
    again = MLPClassifier.load_from_checkpoint(path)
    torch.testing.assert_close(again.state_dict(), model.state_dict(), rtol=0, atol=0)
    assert again.mlp.dropout == pytest.approx(settings.get("dropout", 0))
