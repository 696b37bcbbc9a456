"""Blocks of mini-batches give the same parameters as mini-batches one by one, bit for bit, and are counted as such."""

from pathlib import Path

import pytest
import torch
from lightning import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import (
    EarlyStopping,
    EMAWeightAveraging,
    GradientAccumulationScheduler,
    LambdaCallback,
    LearningRateMonitor,
    ModelCheckpoint,
    OnExceptionCheckpoint,
    SpikeDetection,
    StochasticWeightAveraging,
)
from lightning.pytorch.cli import ReduceLROnPlateau
from lightning.pytorch.loggers import CSVLogger
from torch.optim import lr_scheduler
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils.data import DataLoader, TensorDataset

from mnist_mlp import MLPClassifier, MNISTDataModule
from mnist_mlp.bare_loop.cuda_graphs import StepGraphs, run_steps
from mnist_mlp.data.block_length import steps_in_a_block
from mnist_mlp.data.distortions import Augmentation
from mnist_mlp.fit.progress_lines import CalmProgressBar
from mnist_mlp.schedules import RisingMomentum

pytestmark = pytest.mark.usefixtures("tiny_mnist", "without_shape_checks")

SGD = torch.optim.SGD
OPTIMIZERS = {
    "SGD": lambda p: SGD(p, lr=0.5),
    "SGD fused": lambda p: SGD(p, lr=0.5, fused=True),
    "SGD foreach": lambda p: SGD(p, lr=0.5, foreach=True),
    "SGD momentum": lambda p: SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "SGD decay": lambda p: SGD(p, lr=0.5, weight_decay=0.1),
    "SGD maximize": lambda p: SGD(p, lr=1e-3, maximize=True),
    "Adafactor": lambda p: torch.optim.Adafactor(p),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "Adam fused": lambda p: torch.optim.Adam(p, lr=0.01, fused=True),
    "AdamW amsgrad": lambda p: torch.optim.AdamW(p, lr=0.01, amsgrad=True),
    "Adagrad": lambda p: torch.optim.Adagrad(p, lr=0.01),
    "Adadelta": lambda p: torch.optim.Adadelta(p),
    "Adamax": lambda p: torch.optim.Adamax(p, lr=0.01),
    "NAdam": lambda p: torch.optim.NAdam(p, lr=0.01),
    "RAdam": lambda p: torch.optim.RAdam(p, lr=0.01),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.01),
    "Rprop": lambda p: torch.optim.Rprop(p, lr=0.01),
    "ASGD": lambda p: torch.optim.ASGD(p, lr=0.1),
}


def without_addresses(settings):
    """The name of a test, the same in all processes that run tests."""
    return str({name: "..." if callable(value) else value for name, value in settings.items()})


DEFAULTS = {"hidden_sizes": [6, 5], "optimizer": OPTIMIZERS["SGD"], "gradients": "manual"}
SCHEDULES = {
    "exponential": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "one cycle": lambda o: lr_scheduler.OneCycleLR(o, 0.5, total_steps=15),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, 15),
}


def fitted(tmp_path, steps_per_execution, model=None, data=None, **trainer):
    """A classifier after three epochs of five mini-batches, and its Trainer."""
    seed_everything(0, verbose=False)
    classifier = MLPClassifier(**DEFAULTS | (model or {}))
    module = MNISTDataModule(
        **{"batch_size": 8, "val_size": 20, "steps_per_execution": steps_per_execution} | (data or {})
    )
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    quiet["enable_checkpointing"] = False
    fitter = Trainer(default_root_dir=tmp_path, **{**quiet, "max_epochs": 3, **trainer})
    fitter.fit(classifier, module, ckpt_path=None)
    return classifier, fitter


def assert_same(one, other):
    for name, value in one.state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name


def assert_blocks_change_nothing(tmp_path, model=None, data=None, **trainer):
    single, single_trainer = fitted(tmp_path, 1, model, data, **trainer)
    seed_everything(0, verbose=False)
    start = MLPClassifier(**DEFAULTS | (model or {}))
    assert not torch.equal(single.mlp.weights[0], start.mlp.weights[0].to(single.dtype))
    for steps in (2, 3, 100):
        block, block_trainer = fitted(tmp_path, steps, model, data, **trainer)
        assert_same(single, block)
        assert block_trainer.global_step == single_trainer.global_step
        for name, value in single_trainer.callback_metrics.items():
            assert block_trainer.callback_metrics[name].item() == pytest.approx(value.item(), rel=1e-5), name


@pytest.mark.parametrize("gradients", ["manual", "autograd"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_for_every_optimizer(tmp_path, optimizer, gradients):
    model = {"optimizer": OPTIMIZERS[optimizer], "gradients": gradients}
    assert_blocks_change_nothing(tmp_path, model)


@pytest.mark.parametrize("gradients", ["manual", "autograd"])
@pytest.mark.parametrize("activation", ["identity", "relu", "scaled_tanh", "sigmoid", "tanh"])
@pytest.mark.parametrize("cost", ["quadratic", "mse", "cross_entropy", "binary_cross_entropy"])
def test_for_every_activation_and_cost(tmp_path, activation, cost, gradients):
    output = {"output_activation": activation} if cost in ("quadratic", "mse") else {}
    optimizer = {"optimizer": lambda p: SGD(p, lr=1e-3)}
    model = {"activation": activation, "cost": cost, "gradients": gradients, **output, **optimizer}
    assert_blocks_change_nothing(tmp_path, model)


@pytest.mark.parametrize("gradients", ["manual", "autograd"])
@pytest.mark.parametrize(
    "model",
    [
        {"hidden_sizes": []},
        {"hidden_sizes": [6], "dropout": 0.4},
        {"dropout": 0.4, "input_dropout": 0.2, "activation": "sigmoid"},
        {"hidden_sizes": [], "input_dropout": 0.2},
        {"l2": 3.0},
        {"l2": 3.0, "dropout": 0.5, "cost": "quadratic"},
        {"l1": 3.0},
        {"l1": 3.0, "l2": 3.0},
        {"max_norm": 0.5},
        {"max_norm": 0.5, "l1": 1.0, "dropout": 0.4},
        {"initializer": ["fan_out", "large", "zeros"]},
        {"adversarial": 0.5},
        {"adversarial": 0.5, "l2": 3.0, "dropout": 0.4, "input_dropout": 0.2},
    ],
    ids=str,
)
def test_with_regularization(tmp_path, model, gradients):
    assert_blocks_change_nothing(tmp_path, {**model, "gradients": gradients})


@pytest.mark.parametrize("interval", ["step", "epoch"])
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.filterwarnings("ignore:A `OneCycleLR` scheduler is using 'interval'")
def test_with_schedules(tmp_path, schedule, interval):
    model = {"scheduler": SCHEDULES[schedule], "scheduler_interval": interval}
    assert_blocks_change_nothing(tmp_path, model)


def test_with_a_schedule_that_watches_a_metric(tmp_path):
    def plateau(optimizer):
        return ReduceLROnPlateau(optimizer, "val/loss", factor=0.5, patience=0, threshold=10)

    assert_blocks_change_nothing(tmp_path, {"scheduler": plateau})


def test_incoming_weights_are_never_longer_than_max_norm(tmp_path):
    for steps in (1, 3):
        limited, _ = fitted(tmp_path, steps, {"max_norm": 0.5})
        norms = [w.norm(dim=1).max().item() for w in limited.mlp.weights]
        assert norms[:-1] == pytest.approx([0.5] * 2, rel=1e-5)
        assert norms[-1] > 0.5


@pytest.mark.parametrize("interval", ["step", "epoch"])
def test_with_rising_momentum(tmp_path, interval):
    def rising(optimizer):
        return RisingMomentum(optimizer, start=0.0, end=0.9, total_iters=8, gamma=0.95)

    model = {"scheduler": rising, "scheduler_interval": interval}
    assert_blocks_change_nothing(tmp_path, model)
    assert not torch.equal(fitted(tmp_path, 3, model)[0].mlp.biases[-1], fitted(tmp_path, 3)[0].mlp.biases[-1])


def test_with_early_stopping(tmp_path):
    stop = {"callbacks": [EarlyStopping("val/loss", min_delta=100.0, patience=1)]}
    single, single_trainer = fitted(tmp_path, 1, **stop)
    stop = {"callbacks": [EarlyStopping("val/loss", min_delta=100.0, patience=1)]}
    block, block_trainer = fitted(tmp_path, 3, **stop)
    assert single_trainer.current_epoch == block_trainer.current_epoch == 2
    assert_same(single, block)


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.filterwarnings("ignore:Swapping scheduler")
def test_with_averaged_weights(tmp_path, accumulate):
    def settings():
        average = StochasticWeightAveraging(0.05, swa_epoch_start=1, annealing_epochs=1)
        return {"callbacks": [average], "accumulate_grad_batches": accumulate}

    averaged, _ = fitted(tmp_path, 1, **settings())
    assert_same(averaged, fitted(tmp_path, 3, **settings())[0])
    assert not torch.equal(averaged.mlp.weights[0], fitted(tmp_path, 3)[0].mlp.weights[0])


def test_with_several_loggers_and_a_profiler(tmp_path):
    def logged(steps):
        loggers = [CSVLogger(tmp_path, f"{name}{steps}") for name in ("one", "other")]
        model, _ = fitted(tmp_path, steps, logger=loggers, profiler="simple")
        one, other = (Path(logger.log_dir, "metrics.csv").read_text().splitlines() for logger in loggers)
        assert one == other
        return model, one

    (single, of_single_steps), (block, of_blocks) = logged(1), logged(3)
    assert_same(single, block)
    assert [line.split(",")[:2] for line in of_blocks] == [line.split(",")[:2] for line in of_single_steps]
    assert len(of_blocks) == 1 + 2 * 3  # for training and for validation, after each epoch


class HasAnIdleParameter(MLPClassifier):
    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        self.mlp.layers[0].idle = torch.nn.Parameter(torch.ones(2))


class LearnsInItsLastLayers(MLPClassifier):
    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        self.mlp.layers[0].register_forward_hook(lambda layer, args, z: z.detach())


class SharesAWeight(MLPClassifier):
    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        self.mlp.layers[2].weight = self.mlp.layers[1].weight


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("kind", [HasAnIdleParameter, LearnsInItsLastLayers, SharesAWeight])
def test_where_not_each_layer_has_its_parameters_for_itself(tmp_path, kind, optimizer, accumulate, monkeypatch):
    monkeypatch.setitem(globals(), "MLPClassifier", kind)
    model = {"hidden_sizes": [6, 6, 6], "optimizer": OPTIMIZERS[optimizer]}
    single, _ = fitted(tmp_path, 1, model, accumulate_grad_batches=accumulate)
    block, _ = fitted(tmp_path, 3, model, accumulate_grad_batches=accumulate)
    assert_same(single, block)


class ClipsItself(MLPClassifier):
    def configure_gradient_clipping(self, optimizer, gradient_clip_val=None, gradient_clip_algorithm=None):
        self.clip_gradients(optimizer, 0.01, "value")


class ClipsInItsWay(MLPClassifier):
    def clip_gradients(self, optimizer, gradient_clip_val=None, gradient_clip_algorithm=None):
        torch.nn.utils.clip_grad_value_(self.parameters(), 0.01)


@pytest.mark.parametrize("kind", [ClipsItself, ClipsInItsWay])
def test_with_clipping_of_ones_own(tmp_path, kind, monkeypatch):
    free = fitted(tmp_path, 3)[0]
    monkeypatch.setitem(globals(), "MLPClassifier", kind)
    assert_blocks_change_nothing(tmp_path)
    clipped = fitted(tmp_path, 3)[0]
    assert not torch.equal(clipped.mlp.weights[0], free.mlp.weights[0])


@pytest.mark.parametrize("algorithm", ["norm", "value"])
def test_with_clipping(tmp_path, algorithm):
    clipping = {"gradient_clip_val": 0.01, "gradient_clip_algorithm": algorithm}
    assert_blocks_change_nothing(tmp_path, **clipping)
    clipped, unclipped = fitted(tmp_path, 3, **clipping)[0], fitted(tmp_path, 3)[0]
    assert not torch.equal(clipped.mlp.weights[0], unclipped.mlp.weights[0])


@pytest.mark.parametrize("gradients", ["manual", "autograd"])
@pytest.mark.parametrize("k", [2, 3, 5, 7])  # of the five mini-batches of an epoch; its last updates are of fewer
def test_with_accumulation(tmp_path, k, gradients):
    assert_blocks_change_nothing(tmp_path, {"gradients": gradients}, accumulate_grad_batches=k)


@pytest.mark.parametrize(
    ("model", "trainer"),
    [
        ({"l1": 1.0, "l2": 3.0, "dropout": 0.3}, {}),
        ({"max_norm": 0.5, "adversarial": 0.5}, {}),
        ({"optimizer": OPTIMIZERS["Adam"], "scheduler": SCHEDULES["cosine"], "scheduler_interval": "step"}, {}),
        ({}, {"gradient_clip_val": 0.01}),
        ({}, {"max_steps": 4, "max_epochs": -1}),
        ({}, {"limit_train_batches": 4}),
    ],
    ids=without_addresses,
)
@pytest.mark.parametrize("gradients", ["manual", "autograd"])
def test_with_accumulation_and_more(tmp_path, model, trainer, gradients):
    assert_blocks_change_nothing(tmp_path, {**model, "gradients": gradients}, accumulate_grad_batches=3, **trainer)


def test_with_accumulation_that_changes_while_training(tmp_path):
    def settings():
        return {"callbacks": [GradientAccumulationScheduler({1: 2, 2: 3})]}

    single, single_trainer = fitted(tmp_path, 1, **settings())
    block, block_trainer = fitted(tmp_path, 3, **settings())
    assert_same(single, block)
    assert single_trainer.global_step == block_trainer.global_step == 5 + 3 + 2


@pytest.mark.parametrize("gradients", ["manual", "autograd"])
def test_with_a_frozen_layer(tmp_path, gradients):
    class Freeze(Callback):
        def setup(self, trainer, pl_module, stage):
            pl_module.get_submodule("mlp.layers.1").requires_grad_(False)

    frozen, _ = fitted(tmp_path, 1, {"gradients": gradients}, callbacks=[Freeze()])
    block, _ = fitted(tmp_path, 3, {"gradients": gradients}, callbacks=[Freeze()])
    assert_same(frozen, block)


def test_with_an_optimizer_that_has_hooks(tmp_path):
    calls = []

    def hooked(parameters):
        optimizer = SGD(parameters, lr=0.5)
        optimizer.register_step_post_hook(lambda *_: calls.append(1))
        return optimizer

    fitted(tmp_path, 3, {"optimizer": hooked})
    assert len(calls) == 15


def test_with_an_optimizer_hook_for_all(tmp_path):
    calls = []
    hook = register_optimizer_step_post_hook(lambda *_: calls.append(1))
    try:
        fitted(tmp_path, 3)
    finally:
        hook.remove()
    assert len(calls) == 15


class Prepare(Callback):
    """Change the network before it trains."""

    def __init__(self, prepare):
        self.prepare = prepare

    def on_train_start(self, trainer, pl_module):
        self.prepare(pl_module.mlp)


def hook_a_parameter(mlp):
    mlp.weights[0].register_hook(lambda gradient: 0.5 * gradient)


def hook_the_network(mlp):
    mlp.register_forward_hook(lambda module, args, z: 2 * z)


@pytest.mark.parametrize("gradients", ["manual", "autograd"])
@pytest.mark.parametrize("hook", [hook_a_parameter, hook_the_network])
def test_with_hooks_on_parameters_and_modules(tmp_path, hook, gradients):
    single, _ = fitted(tmp_path, 1, {"gradients": gradients}, callbacks=[Prepare(hook)])
    block, _ = fitted(tmp_path, 3, {"gradients": gradients}, callbacks=[Prepare(hook)])
    assert_same(single, block)
    assert not torch.equal(block.mlp.weights[0], fitted(tmp_path, 3)[0].mlp.weights[0])


@pytest.mark.parametrize("gradients", ["manual", "autograd"])
def test_of_a_network_in_eval_mode(tmp_path, gradients):
    model = {"gradients": gradients, "dropout": 0.5}
    single, _ = fitted(tmp_path, 1, model, callbacks=[Prepare(lambda mlp: mlp.eval())])
    block, _ = fitted(tmp_path, 3, model, callbacks=[Prepare(lambda mlp: mlp.eval())])
    assert_same(single, block)
    assert not torch.equal(block.mlp.weights[0], fitted(tmp_path, 3, model)[0].mlp.weights[0])


class MoveParameters(Callback):
    """Give the parameters another memory after each epoch."""

    def on_train_epoch_end(self, trainer, pl_module):
        for parameter in pl_module.parameters():
            parameter.data = parameter.data.clone()


class ChangeSettings(Callback):
    """What a user's own schedule of dropout or of a penalty does."""

    def __init__(self, name, value):
        self.name, self.value = name, value

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 1:
            setattr(pl_module.mlp if self.name == "dropout" else pl_module, self.name, self.value)


@pytest.mark.parametrize(
    ("name", "value"), [("dropout", 0.6), ("l1", 9.0), ("l2", 30.0), ("adversarial", 1.0), ("max_norm", 0.5)]
)
@pytest.mark.parametrize("gradients", ["manual", "autograd"])
def test_with_settings_that_change_while_training(tmp_path, name, value, gradients):
    model = {"gradients": gradients, "dropout": 0.2}
    assert_blocks_change_nothing(tmp_path, model, callbacks=[ChangeSettings(name, value)])


def test_a_model_that_knows_no_blocks_gets_none(tmp_path):
    class Other(LightningModule):
        pass

    data = MNISTDataModule(batch_size=10, val_size=20, steps_per_execution=5)
    data.setup("fit")
    data.trainer = Trainer(logger=False, accelerator="cpu", enable_checkpointing=False)
    data.trainer.strategy.connect(Other())
    with pytest.raises(ValueError, match="the model Other needs mini-batches one by one; got steps_per_execution 5"):
        data.train_dataloader()
    data.steps_per_execution = "auto"
    x, _ = next(iter(data.train_dataloader()))
    assert x.shape == (10, 784)


def test_with_parameters_whose_memory_moves(tmp_path):
    moved, _ = fitted(tmp_path, 3, callbacks=[MoveParameters()])
    assert_same(fitted(tmp_path, 1)[0], moved)


@pytest.mark.parametrize("gradients", ["manual", "autograd"])
def test_with_a_schedule_that_moves_the_momentum_from_zero(tmp_path, gradients):
    def cyclic(optimizer):
        return lr_scheduler.CyclicLR(optimizer, 0.1, 0.5, step_size_up=4, base_momentum=0.0, max_momentum=0.9)

    model = {"scheduler": cyclic, "scheduler_interval": "step", "gradients": gradients}
    model["optimizer"] = lambda p: SGD(p, lr=0.1, momentum=0.0)
    single, _ = fitted(tmp_path, 1, model)
    block, _ = fitted(tmp_path, 3, model)
    assert_same(single, block)


def test_with_a_learning_rate_that_is_a_tensor(tmp_path):
    assert_blocks_change_nothing(tmp_path, {"optimizer": lambda p: SGD(p, lr=torch.tensor(0.5))})


@pytest.mark.parametrize("precision", ["32-true", "64-true"])
def test_in_both_precisions(tmp_path, precision):
    assert_blocks_change_nothing(tmp_path, {"dropout": 0.3}, precision=precision)


@pytest.mark.parametrize(
    "model", [{}, {"dropout": 0.3, "l2": 3.0}, {"optimizer": OPTIMIZERS["Adam"]}], ids=without_addresses
)
def test_with_products_that_are_onednns(tmp_path, model, monkeypatch):
    monkeypatch.setattr("mnist_mlp.equations.matrix_product.ONEDNN_PRODUCTS", 1000)
    monkeypatch.setattr("mnist_mlp.bare_loop.gradient_steps.ONEDNN_PRODUCTS", 1000)
    assert_blocks_change_nothing(tmp_path, {"hidden_sizes": [40, 30], **model})


@pytest.mark.parametrize(
    ("data", "trainer", "steps"),
    [
        ({"batch_size": 7}, {}, 18),  # five mini-batches of 7, and one of 5
        ({"batch_size": 40}, {}, 3),
        ({"normalize": True}, {}, 15),
        ({"shuffle": False}, {}, 15),
        ({"augmentation": Augmentation(10.0, 10.0, 0.1, 1.0, (34.0, 34.0))}, {}, 15),
        ({"augmentation": Augmentation(10.0), "batch_size": 7}, {"max_steps": 7}, 7),
        ({}, {"max_steps": 7}, 7),
        ({}, {"max_steps": 3}, 3),
        ({}, {"limit_train_batches": 4}, 12),
        ({}, {"limit_train_batches": 0.5}, 6),
        ({}, {"overfit_batches": 3}, 9),
        ({}, {"fast_dev_run": 4}, 4),
        ({"val_size": 0}, {}, 24),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Total length of `list` across ranks is zero")
def test_in_epochs_of_any_length(tmp_path, data, trainer, steps):
    assert_blocks_change_nothing(tmp_path, None, data, **trainer)
    assert fitted(tmp_path, 3, None, data, **trainer)[1].global_step == steps


class Log(Callback):
    """Note what Lightning counts."""

    needs_single_steps = False

    def __init__(self):
        self.batches, self.steps = [], []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.batches.append((batch_idx, len(batch[0])))
        self.steps.append(trainer.global_step)


def test_steps_and_batches_are_counted_in_mini_batches(tmp_path):
    log = Log()
    _, fitter = fitted(tmp_path, 2, max_epochs=2, callbacks=[log], logger=CSVLogger(tmp_path, "run"))
    assert log.batches == [(0, 2), (2, 2), (4, 1)] * 2
    assert log.steps == [2, 4, 5, 7, 9, 10]
    assert fitter.num_training_batches == 5
    (metrics,) = tmp_path.glob("run/*/metrics.csv")
    header, *rows = (line.split(",") for line in metrics.read_text().splitlines())
    assert sorted({int(row[header.index("step")]) for row in rows}) == [4, 9]


class SaveAfterEachBatch(Callback):
    needs_single_steps = False

    def __init__(self, path):
        self.path = path

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        trainer.save_checkpoint(self.path)


@pytest.mark.parametrize("max_steps", [4, 5, 8])
@pytest.mark.parametrize(("before", "after"), [(1, 1), (1, 3), (3, 1), (3, 3), (3, 2), (100, 2)])
def test_a_run_that_a_limit_stopped_goes_on_bit_for_bit(tmp_path, max_steps, before, after):
    model = {"dropout": 0.5, "optimizer": OPTIMIZERS["SGD momentum"]}
    model |= {"scheduler": SCHEDULES["exponential"], "scheduler_interval": "step"}
    whole, _ = fitted(tmp_path, 1, model)
    settings = {"max_steps": max_steps, "max_epochs": -1, "callbacks": [SaveAfterEachBatch(tmp_path / "last.ckpt")]}
    assert fitted(tmp_path, before, model, **settings)[1].global_step == max_steps
    resumed = MLPClassifier([6, 5], gradients="manual", **model)
    data = MNISTDataModule(batch_size=8, val_size=20, steps_per_execution=after)
    quiet = {"logger": False, "enable_progress_bar": False, "enable_checkpointing": False, "accelerator": "cpu"}
    fitter = Trainer(default_root_dir=tmp_path, max_epochs=3, enable_model_summary=False, **quiet)
    fitter.fit(resumed, data, ckpt_path=tmp_path / "last.ckpt")
    assert fitter.global_step == 15
    assert_same(whole, resumed)


def test_divergence_inside_a_block_names_the_step(tmp_path):
    model = {"optimizer": lambda p: SGD(p, lr=1e30), "activation": "identity", "cost": "mse"}
    model["output_activation"] = "identity"
    messages = []
    for steps in (1, 100):
        with pytest.raises(FloatingPointError, match=r"the training loss became \w+ at step \d in epoch 1:") as error:
            fitted(tmp_path, steps, model)
        messages.append(str(error.value))
    assert messages[0] == messages[1]


class Spoil(Callback):
    needs_single_steps = False

    def __init__(self, spoil):
        self.spoil = spoil

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.spoil(*batch)


def test_bad_pixels_and_labels_inside_a_block_are_refused(tmp_path):
    with pytest.raises(ValueError, match="inputs must be finite"):
        fitted(tmp_path, 3, callbacks=[Spoil(lambda x, labels: x[1, 0, 0].fill_(torch.nan))])
    with pytest.raises(ValueError, match=r"labels must lie in 0 \.\.\. 9"):
        fitted(tmp_path, 3, callbacks=[Spoil(lambda x, labels: labels[1, 0].fill_(10))])


class SingleStepCheckpoint(ModelCheckpoint):
    needs_single_steps = True


OBSTACLES = [
    ({"precision": "bf16-mixed"}, "precision bf16-mixed"),
    ({"val_check_interval": 2}, "val_check_interval"),
    ({"val_check_interval": 0.5}, "val_check_interval"),
    ({"callbacks": ["checkpoint"]}, "the callback ModelCheckpoint with every_n_train_steps"),
    ({"callbacks": ["checkpoint", "last"]}, "the callback ModelCheckpoint with every_n_train_steps"),
    ({"callbacks": ["average"]}, "the callback EMAWeightAveraging"),
    ({"callbacks": ["spikes"]}, "the callback SpikeDetection"),
    ({"callbacks": ["saver"]}, "the callback ModelCheckpoint with save_on_exception"),
    ({"callbacks": ["own"]}, "the callback SingleStepCheckpoint"),
    ({"callbacks": ["hook"]}, "the callback LambdaCallback"),
    ({"callbacks": ["monitor"], "logger": True}, "the callback LearningRateMonitor with logging_interval step"),
]


@pytest.mark.parametrize(("trainer", "what"), OBSTACLES, ids=str)
@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
def test_what_needs_single_steps_is_refused_and_auto_gives_them(tmp_path, trainer, what):
    def settings():
        made = {
            "checkpoint": ModelCheckpoint(tmp_path, every_n_train_steps=2),
            "last": ModelCheckpoint(tmp_path, filename="last"),
            "monitor": LearningRateMonitor("step"),
            "average": EMAWeightAveraging(),
            "spikes": SpikeDetection(),
            "saver": ModelCheckpoint(tmp_path, save_on_exception=True),
            "own": SingleStepCheckpoint(tmp_path),
            "hook": LambdaCallback(on_after_backward=lambda trainer, pl_module: None),
        }
        callbacks = [made[name] for name in trainer.get("callbacks", [])]
        return {**trainer, "callbacks": callbacks, "enable_checkpointing": True}

    with pytest.raises(ValueError, match=f"{what} needs mini-batches one by one; got steps_per_execution 3: use 1"):
        fitted(tmp_path, 3, **settings())
    log = Log()
    arguments = settings()
    arguments["callbacks"].append(log)
    fitted(tmp_path, "auto", **arguments)
    assert {size for _, size in log.batches} == {8}


@pytest.mark.filterwarnings("ignore:.*fit.ckpt_path")
def test_a_checkpoint_on_exceptions_is_refused(tmp_path):
    with pytest.raises(ValueError, match="the callback OnExceptionCheckpoint needs mini-batches one by one"):
        fitted(tmp_path, 3, callbacks=[OnExceptionCheckpoint(tmp_path)], enable_checkpointing=True)


def test_a_classifier_that_changes_gradients_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(MLPClassifier, "on_after_backward", lambda self: None)
    with pytest.raises(ValueError, match="on_after_backward of MLPClassifier needs mini-batches one by one"):
        fitted(tmp_path, 3)


def test_lbfgs_is_refused(tmp_path):
    with pytest.raises(ValueError, match="the optimizer LBFGS needs mini-batches one by one"):
        fitted(tmp_path, 3, {"optimizer": lambda p: torch.optim.LBFGS(p)})


@pytest.mark.parametrize(("batch_size", "steps"), [(10, 500), (7000, 1)])
def test_auto_takes_5000_images_at_a_time(batch_size, steps):
    class Free(LightningModule):
        def obstacle_to_blocks(self):
            return None

    assert steps_in_a_block("auto", batch_size, Free()) == steps


def test_auto_takes_single_steps_without_a_model_that_trains_in_blocks():
    data = MNISTDataModule(batch_size=10, val_size=20, steps_per_execution="auto")
    data.setup("fit")
    x, labels = next(iter(data.train_dataloader()))
    assert (x.shape, labels.shape) == ((10, 784), (10,))


@pytest.mark.parametrize("steps", [0, -3])
def test_numbers_below_one_are_refused(steps):
    with pytest.raises(ValueError, match=f"steps_per_execution must be an integer of at least 1; got {steps}"):
        MNISTDataModule(steps_per_execution=steps)


class Threads(Callback):
    needs_single_steps = False

    def __init__(self):
        self.seen = []

    def on_fit_start(self, trainer, pl_module):
        self.seen.append(torch.get_num_threads())

    on_fit_end = on_fit_start

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.seen.append(torch.get_num_threads())


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize(("hidden_sizes", "expected"), [([6], 1), ([800], 2)])
def test_small_networks_train_and_are_measured_on_one_thread(tmp_path, hidden_sizes, expected, steps):
    torch.set_num_threads(2)
    threads = Threads()
    fitted(tmp_path, steps, {"hidden_sizes": hidden_sizes}, callbacks=[threads])
    assert len(threads.seen) > 2
    assert set(threads.seen) == {expected}
    assert torch.get_num_threads() == 2


@pytest.mark.filterwarnings("ignore:.*(many workers|no `val_dataloader`)")
def test_mini_batches_of_own_loaders_show_their_size(tmp_path):
    torch.set_num_threads(2)
    threads = Threads()
    loader = DataLoader(TensorDataset(torch.rand(20, 784), torch.zeros(20).long()), batch_size=10)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    Trainer(max_epochs=1, callbacks=[threads], enable_model_summary=False, **quiet).fit(MLPClassifier([6]), loader)
    assert threads.seen == [2, 1, 1, 1]
    assert torch.get_num_threads() == 2


def test_the_threads_come_back_where_a_training_fails(tmp_path):
    torch.set_num_threads(2)
    with pytest.raises(FloatingPointError):
        fitted(tmp_path, 3, {"optimizer": lambda p: SGD(p, lr=1e30), "cost": "mse", "output_activation": "identity"})
    assert torch.get_num_threads() == 2


def test_the_progress_bar_counts_mini_batches(tmp_path):
    class Watch(Callback):
        needs_single_steps = False

        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            drawn.append(bar.train_progress_bar.completed)

    drawn, bar = [], CalmProgressBar()
    fitted(tmp_path, 2, callbacks=[bar, Watch()], enable_progress_bar=True, max_epochs=1)
    assert drawn == [2, 4, 5]


CUDA = {"accelerator": "cuda", "devices": 1, "max_epochs": 4}


@pytest.mark.cuda
@pytest.mark.parametrize("gradients", ["manual", "autograd"])
@pytest.mark.parametrize(
    "model", [{}, {"dropout": 0.4, "l2": 3.0}, {"optimizer": OPTIMIZERS["Adam"]}], ids=without_addresses
)
def test_on_cuda(tmp_path, model, gradients):
    single, _ = fitted(tmp_path, 1, {**model, "gradients": gradients}, **CUDA)
    block, _ = fitted(tmp_path, 2, {**model, "gradients": gradients}, **CUDA)
    for name, value in single.state_dict().items():
        torch.testing.assert_close(block.state_dict()[name], value)


@pytest.mark.cuda
@pytest.mark.parametrize("model", [{}, {"dropout": 0.4, "l2": 3.0}, {"activation": "tanh"}], ids=str)
def test_a_captured_block_equals_an_eager_one(tmp_path, model, monkeypatch):
    used, run = [], StepGraphs.run
    monkeypatch.setattr(StepGraphs, "run", lambda self, *arguments: used.append(self) or run(self, *arguments))
    captured, _ = fitted(tmp_path, 2, model, **CUDA)
    assert any(used[-1].graphs.values())
    monkeypatch.setattr(
        StepGraphs, "run", lambda self, step, descent, xs, ys, zs: run_steps(step, [descent], xs, ys, zs)
    )
    eager, _ = fitted(tmp_path, 2, model, **CUDA)
    assert_same(eager, captured)
