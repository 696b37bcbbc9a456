"""Blocks are taken only where they are known to be exact: else single steps, with a line that says why."""

import copy
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import LambdaCallback, Timer
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, lr_scheduler
from torch.optim.optimizer import Optimizer

from mnist_mlp import MLP, MLPClassifier, MNISTDataModule
from mnist_mlp.data import block_length

pytestmark = [
    pytest.mark.usefixtures("tiny_mnist", "without_shape_checks"),
    pytest.mark.filterwarnings("ignore:You have overridden `on_after_batch_transfer` in `LightningModule`"),
]

BATCH_SIZE, EPOCHS = 8, 2


QUIET: Any = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
QUIET |= {"enable_checkpointing": False}


@pytest.fixture(autouse=True)
def nothing_said_before():
    block_length.say_once.cache_clear()


class SAM(Optimizer):
    """Sharpness-aware minimization: the gradient is that of the worst point nearby, so that the closure runs twice.

    Source: Foret, Kleiner, Mobahi, Neyshabur, Sharpness-Aware Minimization, 2021, eq. (2).
    """

    def __init__(self, parameters, lr=0.5, rho=0.5):
        super().__init__(parameters, {"lr": lr, "rho": rho})

    @torch.no_grad()
    def step(self, closure: Any = None):
        evaluate = torch.enable_grad()(closure)
        loss = evaluate()
        (group,) = self.param_groups
        norm = torch.stack([p.grad.norm() for p in group["params"]]).norm()
        moves = [group["rho"] * p.grad / norm for p in group["params"]]
        for p, move in zip(group["params"], moves, strict=True):
            p.add_(move)
        evaluate()
        for p, move in zip(group["params"], moves, strict=True):
            p.sub_(move).sub_(group["lr"] * p.grad)
        return loss


class Halved(SGD):
    """An optimizer of torch's with a step of its own, which makes of a gradient half of it."""

    def step(self, closure: Any = None) -> Any:
        loss = closure and closure()
        for group in self.param_groups:
            for p in group["params"]:
                p.grad.mul_(0.5)
        super().step()
        return loss


class Wrapped(Optimizer):
    """Lookahead's first half: an optimizer that has another one inside."""

    def __init__(self, parameters):
        self.inner = SGD(parameters, lr=0.5)
        super().__init__(self.inner.param_groups[0]["params"], {})

    def step(self, closure: Any = None) -> Any:
        return self.inner.step(closure)


class Smoothed(MLPClassifier):
    def training_step(self, batch, batch_idx):
        x, labels = batch
        return F.cross_entropy(self(x), labels, label_smoothing=0.2)


class OtherPixels(MLPClassifier):
    def rows_of(self, batch):
        return super().rows_of(batch) / 2


class OtherCost(MLPClassifier):
    def cost_of(self, batch):
        logits, labels, cost = super().cost_of(batch)
        return logits, labels, 0.5 * cost


class Logs(MLPClassifier):
    def training_step(self, batch, batch_idx):
        cost = super().training_step(batch, batch_idx)
        self.log("own", cost, on_step=True, on_epoch=True)
        return cost


class Starts(MLPClassifier):
    def on_train_batch_start(self, batch, batch_idx):
        batch[0].mul_(0.5)


class Ends(MLPClassifier):
    def on_train_batch_end(self, outputs: Any, batch, batch_idx):
        self.log("own", outputs["loss"], on_epoch=True)
        with torch.no_grad():
            self.mlp.weights[0].mul_(0.9)


class Moved(MLPClassifier):
    def on_after_batch_transfer(self, batch, dataloader_idx):
        x, labels = batch
        return x + 0.1 * torch.arange(len(x)).view(-1, *[1] * (x.dim() - 1)), labels


class OwnNetwork(MLPClassifier):
    class Doubled(MLP):
        def forward(self, x):
            return 2 * super().forward(x)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.mlp.__class__ = self.Doubled


class EverySecondStep(MLPClassifier):
    def configure_optimizers(self) -> Any:
        optimizer = SGD(self.parameters(), lr=0.5)
        scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)
        return [optimizer], [{"scheduler": scheduler, "interval": "step", "frequency": 2}]


class Decay(Callback):
    def on_train_batch_end(self, trainer, pl_module: Any, outputs, batch, batch_idx):
        with torch.no_grad():
            pl_module.mlp.weights[0].mul_(0.9)


class Noise(Callback):
    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        batch[0].add_(0.1 * (batch_idx + 1))


class MovedByTheData(MNISTDataModule):
    def on_after_batch_transfer(self, batch, dataloader_idx):
        x, labels = batch
        return x + 0.1 * torch.arange(len(x)).view(-1, *[1] * (x.dim() - 1)), labels


def trained(
    steps, model=MLPClassifier, optimizer=None, callbacks=(), data=MNISTDataModule, patch=None
) -> tuple[MLPClassifier, Any, dict[str, torch.Tensor]]:
    seed_everything(0, verbose=False)
    classifier = model([6], optimizer=optimizer or (lambda p: SGD(p, lr=0.5)), gradients="manual")
    start = copy.deepcopy(classifier.mlp.state_dict())
    if patch:
        patch(classifier)
    module = data(batch_size=BATCH_SIZE, val_size=20, steps_per_execution=steps)
    trainer = Trainer(max_epochs=EPOCHS, callbacks=[make() for make in callbacks], **QUIET)
    trainer.fit(classifier, module)
    return classifier, trainer, start


def patched_step(classifier):
    classifier.training_step = lambda batch, batch_idx: 0.5 * MLPClassifier.training_step(classifier, batch, batch_idx)


OBSTACLES = {
    "SAM": ({"optimizer": lambda p: SAM(p)}, "the optimizer SAM"),
    "a step of its own": ({"optimizer": lambda p: Halved(p, lr=0.5)}, "the optimizer Halved"),
    "a wrapped optimizer": ({"optimizer": lambda p: Wrapped(p)}, "the optimizer Wrapped"),
    "LBFGS": ({"optimizer": lambda p: torch.optim.LBFGS(p, lr=0.1)}, "the optimizer LBFGS"),
    "training_step": ({"model": Smoothed}, "training_step of Smoothed"),
    "rows_of": ({"model": OtherPixels}, "rows_of of OtherPixels"),
    "cost_of": ({"model": OtherCost}, "cost_of of OtherCost"),
    "self.log": ({"model": Logs}, "training_step of Logs"),
    "on_train_batch_start": ({"model": Starts}, "on_train_batch_start of Starts"),
    "on_train_batch_end": ({"model": Ends}, "on_train_batch_end of Ends"),
    "transfer": ({"model": Moved}, "on_after_batch_transfer of Moved"),
    "transfer by the data": ({"data": MovedByTheData}, "on_after_batch_transfer of MovedByTheData"),
    "a network of its own": ({"model": OwnNetwork}, "forward of Doubled"),
    "a method put in its place": ({"patch": patched_step}, "training_step of MLPClassifier"),
    "a callback after each step": ({"callbacks": [Decay]}, "the callback Decay"),
    "a callback before each step": ({"callbacks": [Noise]}, "the callback Noise"),
    "a lambda": (
        {"callbacks": [lambda: LambdaCallback(on_train_batch_end=Decay().on_train_batch_end)]},
        "the callback LambdaCallback",
    ),
    "a schedule": ({"model": EverySecondStep}, "a scheduler with a frequency of 2 steps"),
}


@pytest.mark.parametrize("name", OBSTACLES)
def test_auto_takes_single_steps_where_blocks_would_not_be_exact(name, capsys):
    settings, what = OBSTACLES[name]
    single, single_trainer, start = trained(1, **settings)
    assert capsys.readouterr().out == ""
    auto, trainer, _ = trained("auto", **settings)
    assert trainer.global_step == single_trainer.global_step == EPOCHS * 5
    for key, value in single.state_dict().items():
        assert torch.equal(auto.state_dict()[key], value), key
    assert not torch.equal(single.mlp.weights[-1], start["layers.1.weight"])
    for key, value in single_trainer.callback_metrics.items():
        assert trainer.callback_metrics[key] == value, key
    expected = f"steps_per_execution auto is 1 here: {what} needs mini-batches one by one\n"
    assert capsys.readouterr().out == expected
    trained("auto", **settings)
    assert capsys.readouterr().out == ""  # it was said


@pytest.mark.parametrize("name", OBSTACLES)
def test_a_number_is_refused_there(name):
    settings, what = OBSTACLES[name]
    with pytest.raises(ValueError, match=f"^{what} needs mini-batches one by one; got steps_per_execution 3: use 1"):
        trained(3, **settings)


HARMLESS = {
    "nothing": {},
    "a subclass": {"model": type("Sub", (MLPClassifier,), {"validation_step": MLPClassifier.validation_step})},
    "a subclass of an optimizer": {"optimizer": lambda p: type("Sub", (SGD,), {})(p, lr=0.5)},
    "a schedule, which wraps the step": {
        "model": type("Scheduled", (EverySecondStep,), {"configure_optimizers": lambda self: _scheduled(self)})
    },
    "a timer": {"callbacks": [lambda: Timer(duration={"days": 1})]},
    "a callback of epochs": {"callbacks": [lambda: LambdaCallback(on_train_epoch_end=lambda *_: None)]},
    "one that says so": {"callbacks": [lambda: type("Seer", (Decay,), {"needs_single_steps": False})()]},
}


def _scheduled(model):
    optimizer = SGD(model.parameters(), lr=0.5)
    return [optimizer], [{"scheduler": lr_scheduler.ExponentialLR(optimizer, 0.9), "interval": "step"}]


@pytest.mark.parametrize("name", HARMLESS)
def test_blocks_are_taken_where_nothing_stands_in_their_way(name, capsys):
    _, trainer, _ = trained("auto", **HARMLESS[name])
    assert trainer.train_dataloader.steps_per_execution == block_length.AUTO_BLOCK_IMAGES // BATCH_SIZE
    assert capsys.readouterr().out == ""


def test_an_optimizer_can_say_that_it_needs_no_single_steps():
    class Known(SGD):
        needs_single_steps = False

        def step(self, closure=None):
            return super().step(closure)

    single, *_ = trained(1, optimizer=lambda p: Known(p, lr=0.5))
    block, trainer, _ = trained("auto", optimizer=lambda p: Known(p, lr=0.5))
    assert trainer.train_dataloader.steps_per_execution > 1
    assert torch.equal(single.mlp.weights[0], block.mlp.weights[0])


def test_sam_trains_as_in_a_loop_of_plain_torch():
    auto, trainer, start = trained("auto", optimizer=lambda p: SAM(p))
    data = trainer.datamodule
    plain = nn.Sequential(nn.Linear(784, 6), nn.ReLU(), nn.Linear(6, 10))
    plain.load_state_dict(
        {f"{2 * l}.{kind}": start[f"layers.{l}.{kind}"] for l in (0, 1) for kind in ("weight", "bias")}
    )
    optimizer = SAM(plain.parameters())
    data.steps_per_execution = 1
    loader = data.train_dataloader()
    for epoch in range(EPOCHS):
        loader.batch_sampler.sampler.set_epoch(epoch)
        for x, labels in loader:

            def closure(x=x, labels=labels):
                optimizer.zero_grad()
                loss = F.cross_entropy(plain(x), labels)
                loss.backward()
                return loss

            optimizer.step(closure)
    torch.testing.assert_close(auto.mlp.weights, [plain[0].weight, plain[2].weight])


class Flattens(LightningModule):
    """Another LightningModule, which takes any images."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(784, 10)
        self.sizes = []

    def training_step(self, batch, batch_idx):
        x, labels = batch
        self.sizes.append(labels.numel())
        return F.cross_entropy(self.layer(x.view(-1, 784)), labels.flatten())

    def validation_step(self, batch, batch_idx):
        pass

    def configure_optimizers(self):
        return SGD(self.parameters(), lr=0.1)


def test_another_model_gets_single_steps(capsys):
    data = MNISTDataModule(batch_size=8, val_size=20, steps_per_execution="auto")
    model = Flattens()
    trainer = Trainer(max_epochs=1, **QUIET)
    trainer.fit(model, data)
    assert model.sizes == [8] * 5
    said = "steps_per_execution auto is 1 here: the model Flattens needs mini-batches one by one\n"
    assert capsys.readouterr().out == said


def test_a_block_that_was_made_without_a_trainer_is_refused_where_it_would_not_be_exact():
    data = MNISTDataModule(batch_size=8, val_size=20, steps_per_execution=5)
    data.setup("fit")
    trainer = Trainer(max_epochs=1, precision="bf16-mixed", **QUIET)
    with pytest.raises(ValueError, match="precision bf16-mixed needs mini-batches one by one; got"):
        trainer.fit(MLPClassifier([4]), data.train_dataloader(), data.val_dataloader())
