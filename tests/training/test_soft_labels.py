"""One-hot, smoothed and mixed labels, one step at a time and in blocks, beside a loop of plain torch."""

from typing import Any

import pytest
import torch
from lightning import Trainer, seed_everything
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD

from mnist_mlp import MLPClassifier
from mnist_mlp.bare_loop.after_step import after_each_step
from mnist_mlp.bare_loop.block import BareLoop

pytestmark = pytest.mark.usefixtures("without_shape_checks")

QUIET: Any = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
N, BATCH_SIZE = 40, 8


def soft_labels(kind):
    labels = torch.randint(10, (N,), generator=torch.Generator().manual_seed(0))
    rows = F.one_hot(labels, 10).float()
    return {
        "one-hot": rows,
        "smoothed": 0.9 * rows + 0.01,
        "mixed": 0.7 * rows + 0.3 * rows.roll(1, dims=0),
        "of any sum": 2.5 * rows + 0.2,
    }[kind], labels


class Batches:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __iter__(self):
        return zip(self.x.split(BATCH_SIZE), self.y.split(BATCH_SIZE), strict=True)


@pytest.mark.parametrize("gradients", ["manual", "autograd"])
@pytest.mark.parametrize("kind", ["one-hot", "smoothed", "mixed", "of any sum"])
def test_they_train_as_in_plain_torch_and_accuracy_is_that_of_the_largest(kind, gradients):
    seed_everything(0, verbose=False)
    model = MLPClassifier([6], gradients=gradients, optimizer=lambda p: SGD(p, lr=0.1))
    plain = nn.Sequential(nn.Linear(784, 6), nn.ReLU(), nn.Linear(6, 10))
    for own, layer in zip((plain[0], plain[2]), model.mlp.layers, strict=True):
        own.load_state_dict(layer.state_dict())
    in_a_block = MLPClassifier([6], gradients="manual").mlp
    in_a_block.load_state_dict(model.mlp.state_dict())
    x = torch.rand(N, 784)
    y, labels = soft_labels(kind)
    trainer = Trainer(max_epochs=1, enable_checkpointing=False, **QUIET)
    trainer.fit(model, Batches(x, y), Batches(x, y))
    optimizer, hits = SGD(plain.parameters(), lr=0.1), 0
    for rows, values in Batches(x, y):
        optimizer.zero_grad()
        z = plain(rows)
        F.cross_entropy(z, values).backward()
        optimizer.step()
        hits += (z.argmax(dim=1) == values.argmax(dim=1)).sum().item()
    torch.testing.assert_close(model.mlp.weights, [plain[0].weight, plain[2].weight])
    assert trainer.callback_metrics["train/acc"].item() == pytest.approx(hits / N)
    accuracy = (plain(x).argmax(dim=1) == labels).float().mean().item()
    assert trainer.callback_metrics["val/acc"].item() == pytest.approx(accuracy)
    assert accuracy > 0
    after = after_each_step(in_a_block, SGD(in_a_block.parameters(), lr=0.1))
    BareLoop(in_a_block).train(x.view(-1, BATCH_SIZE, 784), y.view(-1, BATCH_SIZE, 10), after)
    torch.testing.assert_close(in_a_block.weights, [plain[0].weight, plain[2].weight])
