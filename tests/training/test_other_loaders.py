"""Loaders that are not `MNISTDataModule`'s: images of any shape, data sets without a length, batches without labels."""

from typing import Any, cast

import pytest
import torch
from lightning import Trainer, seed_everything
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from mnist_mlp import MLPClassifier, MNISTDataModule
from mnist_mlp.data.device_loader import Block

pytestmark = pytest.mark.usefixtures("without_shape_checks")

QUIET: Any = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
QUIET |= {"enable_checkpointing": False}
N, BATCH_SIZE, STEPS = 40, 8, 5


def images(*shape):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(N, *shape, generator=generator), torch.randint(10, (N,), generator=generator)


class Stream(IterableDataset):
    """Images that come one after another, nobody knows how many."""

    def __init__(self, *shape):
        self.pairs = list(zip(*images(*shape), strict=True))

    def __iter__(self):
        return iter(self.pairs)


def loader_of(*shape):
    return DataLoader(TensorDataset(*images(*shape)), BATCH_SIZE)


class Batches:
    """A loader that is no DataLoader, and has neither a data set nor a length."""

    def __init__(self, *parts):
        self.parts = parts

    def __iter__(self):
        split = [part.split(BATCH_SIZE) for part in self.parts]
        return iter(split[0]) if len(split) == 1 else zip(*split, strict=True)


LOADERS = {
    "images of 28 x 28": lambda: loader_of(28, 28),
    "images with a channel, as torchvision's": lambda: loader_of(1, 28, 28),
    "rows": lambda: loader_of(784),
    "a stream": lambda: DataLoader(Stream(28, 28), BATCH_SIZE),
    "batches": lambda: Batches(*images(28, 28)),
}


def model_of(**settings):
    seed_everything(0, verbose=False)
    return MLPClassifier([6], optimizer=lambda p: SGD(p, lr=0.5), **settings)


@pytest.mark.parametrize("limit", [None, 3])
@pytest.mark.parametrize("gradients", ["manual", "autograd"])
@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.filterwarnings("ignore:.*does not have many workers", "ignore:The number of training batches")
def test_any_loader_trains_as_a_loop_of_plain_torch(name, gradients, limit):
    model = model_of(gradients=gradients)
    plain = nn.Sequential(nn.Flatten(), nn.Linear(784, 6), nn.ReLU(), nn.Linear(6, 10))
    for own, layer in zip((plain[1], plain[3]), model.mlp.layers, strict=True):
        own.load_state_dict(layer.state_dict())
    loader = LOADERS[name]()
    trainer = Trainer(max_epochs=2, limit_train_batches=limit, **QUIET)
    trainer.fit(model, loader, LOADERS[name]())
    optimizer = SGD(plain.parameters(), lr=0.5)
    costs: list[float] = []
    for _ in range(2):
        costs.clear()
        for i, (x, labels) in enumerate(loader):
            if i == limit:
                break
            optimizer.zero_grad()
            loss = F.cross_entropy(plain(x), labels)
            loss.backward()
            optimizer.step()
            costs.append(loss.item())
    assert trainer.global_step == 2 * (limit or STEPS)
    torch.testing.assert_close(model.mlp.weights, [plain[1].weight, plain[3].weight])
    assert trainer.callback_metrics["train/loss"].item() == pytest.approx(sum(costs) / len(costs), rel=1e-5)
    logits = plain(images(784)[0])
    assert trainer.callback_metrics["val/loss"].item() == pytest.approx(
        F.cross_entropy(logits, images(784)[1]).item(), rel=1e-5
    )


@pytest.mark.parametrize("name", ["a stream", "batches"])
@pytest.mark.parametrize("penalties", [{"l1": 0.5}, {"l2": 5.0}])
@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_penalties_need_the_number_of_images(name, penalties):
    model = model_of(**penalties)
    with pytest.raises(ValueError, match="are divided by the number of training images, which the loader"):
        Trainer(max_epochs=1, **QUIET).fit(model, LOADERS[name](), LOADERS[name]())


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
@pytest.mark.filterwarnings("ignore:.*callbacks used to create the checkpoint need to be provided")
def test_a_stream_is_resumed_without_the_metrics_of_the_epoch_before(tmp_path):
    stream = LOADERS["a stream"]
    whole = Trainer(max_epochs=2, **QUIET)
    whole.fit(model_of(), stream(), stream())
    first = Trainer(max_epochs=1, **QUIET | {"enable_checkpointing": True}, default_root_dir=tmp_path)
    first.fit(model_of(), stream(), stream())
    (path,) = tmp_path.rglob("*.ckpt")
    resumed = Trainer(max_epochs=2, **QUIET)
    resumed.fit(model_of(), stream(), stream(), ckpt_path=path)
    for name, value in whole.callback_metrics.items():
        assert torch.equal(resumed.callback_metrics[name], value), name


@pytest.mark.parametrize("shape", [(784,), (28, 28), (1, 28, 28)])
@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_predictions_are_made_with_and_without_labels(shape):
    model = model_of()
    x, labels = images(*shape)
    trainer = Trainer(**QUIET)
    expected = model.mlp.eval().predict_proba(x.flatten(1))
    loaders = (
        DataLoader(TensorDataset(x, labels), BATCH_SIZE),
        DataLoader(TensorDataset(x), BATCH_SIZE),
        Batches(x),
    )
    for loader in loaders:
        predicted: Any = trainer.predict(model, loader)
        torch.testing.assert_close(torch.cat(predicted), expected)
    torch.testing.assert_close(model(x), model.mlp(x.flatten(1)))


def test_a_block_is_known_by_its_type():
    data = MNISTDataModule("digits", batch_size=50, val_size=300, steps_per_execution=3)
    data.setup("fit")
    block = next(iter(data.train_dataloader()))
    assert isinstance(block, Block)
    assert block.xs.shape == (3, 50, 784)
    assert block.labels.shape == (3, 50)
    data.steps_per_execution = 1
    assert not isinstance(next(iter(data.train_dataloader())), Block)


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_a_batch_of_a_subclass_may_be_of_any_kind():
    class Named(MLPClassifier):
        def training_step(self, batch: Any, batch_idx):
            return super().training_step((batch["image"], batch["label"]), batch_idx)

    x, labels = images(28, 28)
    model = Named([6])
    named = [{"image": image, "label": label} for image, label in zip(x, labels, strict=True)]
    trainer = Trainer(max_epochs=1, **QUIET)
    trainer.fit(model, DataLoader(cast(Any, named), BATCH_SIZE), Batches(x, labels))
    assert trainer.global_step == STEPS
