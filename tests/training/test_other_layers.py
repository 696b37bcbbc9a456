"""A classifier whose layers are hooked, pruned, wrapped or replaced trains as plain torch does, in blocks too."""

import pytest
import torch
from lightning import Callback, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelPruning
from lightning.pytorch.utilities.model_summary.model_summary import summarize
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune

from mnist_mlp import MLPClassifier, MNISTDataModule

pytestmark = pytest.mark.usefixtures("tiny_mnist", "without_shape_checks")


class Doubled(nn.Module):
    """A layer that was wrapped, with a parameter that it does not use."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.unused = layer, nn.Parameter(torch.ones(2))

    def forward(self, a):
        return 2 * self.layer(a)


def hooked(mlp):
    mlp.layers[0].register_forward_hook(lambda layer, args, z: z / 2)
    mlp.layers[1].register_full_backward_hook(lambda layer, before, after: (before[0] / 2,))


def pruned(mlp):
    prune.ln_structured(mlp.layers[1], "weight", amount=2, n=2, dim=0)


def parametrized(mlp):
    for layer in mlp.layers:
        parametrizations.weight_norm(layer)


def wrapped(mlp):
    mlp.layers[1] = Doubled(mlp.layers[1])


def replaced(mlp):
    mlp.layers[1] = nn.Identity()
    mlp.layers[2] = nn.Linear(6, 10)


def more_outputs(mlp):
    mlp.layers[2] = nn.Linear(5, 12)


CHANGES = [hooked, pruned, parametrized, wrapped, replaced, more_outputs]


class Change(Callback):
    """Change the network where people do it: before there is an optimizer."""

    def __init__(self, change):
        self.change = change

    def setup(self, trainer, pl_module, stage):
        torch.manual_seed(1)
        self.change(pl_module.mlp)


def quiet_trainer(folder, *callbacks, **settings):
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    quiet["enable_checkpointing"] = False
    return Trainer(default_root_dir=folder, callbacks=list(callbacks), **{**quiet, "max_epochs": 2, **settings})


def fitted(folder, steps, gradients, *callbacks):
    seed_everything(0, verbose=False)
    model = MLPClassifier([6, 5], "tanh", gradients=gradients, optimizer=lambda p: torch.optim.SGD(p, lr=0.5))
    data = MNISTDataModule(batch_size=8, val_size=20, steps_per_execution=steps)
    quiet_trainer(folder, *callbacks).fit(model, data)
    return model


def by_plain_torch(change):
    """The same training, with nothing of this project but the first parameters and the mini-batches."""
    seed_everything(0, verbose=False)
    first, second, last = MLPClassifier([6, 5], "tanh").mlp.layers
    network = nn.Sequential()
    network.layers = nn.ModuleList([first, second, last])
    torch.manual_seed(1)
    change(network)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.5)
    seed_everything(0, verbose=False)
    data = MNISTDataModule(batch_size=8, val_size=20, steps_per_execution=1)
    data.setup("fit")
    loader = data.train_dataloader()
    for epoch in range(2):
        loader.batch_sampler.sampler.set_epoch(epoch)
        for x, labels in loader:
            optimizer.zero_grad()
            first, second, last = network.layers
            F.cross_entropy(last(torch.tanh(second(torch.tanh(first(x))))), labels).backward()
            optimizer.step()
    return network.state_dict()


@pytest.mark.parametrize("gradients", ["manual", "autograd"])
@pytest.mark.parametrize("change", CHANGES)
def test_it_trains_as_plain_torch_does(tmp_path, change, gradients):
    expected = by_plain_torch(change)
    for steps in (1, 3):
        model = fitted(tmp_path, steps, gradients, Change(change))
        torch.testing.assert_close(model.mlp.state_dict(), expected)


@pytest.mark.parametrize("gradients", ["manual", "autograd"])
@pytest.mark.parametrize("steps", [1, 3])
def test_lightnings_pruning_prunes(tmp_path, gradients, steps):
    pruning = ModelPruning(
        "l1_unstructured", parameter_names=["weight"], amount=0.5, use_lottery_ticket_hypothesis=False
    )
    model = fitted(tmp_path, steps, gradients, pruning)
    zeros = sum((w == 0).sum().item() for w in model.mlp.weights)
    assert zeros == pytest.approx(0.75 * sum(w.numel() for w in model.mlp.weights), abs=2)  # half, and half of the rest


def test_the_summary_shows_the_shapes_of_the_layers():
    model = MLPClassifier([6, 5])
    model.example_input_array = torch.rand(2, 784)
    summary = summarize(model, max_depth=-1)
    shapes = dict(zip(summary.layer_names, zip(summary.in_sizes, summary.out_sizes, strict=True), strict=True))
    assert shapes["mlp.layers.0"] == ([2, 784], [2, 6])
    assert shapes["mlp.layers.2"] == ([2, 5], [2, 10])
