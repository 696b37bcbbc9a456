import base64
from functools import partial

import numpy as np
import pytest
import torch
from drawing.conftest import network
from torch.nn import functional as F

from mnist_mlp import MLP, TrainedNetwork
from mnist_mlp.drawing.stored_network import known_activations, stored_layer, stored_network
from mnist_mlp.equations import ACTIVATIONS
from mnist_mlp.equations.activations import Activation, times

pytestmark = pytest.mark.usefixtures("without_shape_checks")


def restored(stored):
    whole, scales = (
        np.frombuffer(base64.b64decode(stored[name]), kind) for name, kind in (("weights", "<i2"), ("scales", "<f4"))
    )
    return whole.reshape(len(scales), -1) * scales[:, None]


def test_weights_are_rounded_less_than_float16_would():
    w = torch.randn(40, 300, generator=torch.Generator().manual_seed(0)) * torch.logspace(-6, 6, 40)[:, None]
    rounded = restored(stored_layer(w, torch.zeros(40)))
    error = np.abs(rounded - w.numpy())
    assert (error <= w.abs().amax(1, keepdim=True).numpy() / 65534 * 1.01).all()
    usual = w[20:21]
    half = (usual.half().float() - usual).square().mean().sqrt().item()
    assert np.sqrt((error[20] ** 2).mean()) < half


def test_a_neuron_without_weights_keeps_its_bias():
    stored = stored_layer(torch.zeros(2, 3), torch.tensor([1.5, -2.0]))
    assert (restored(stored) == 0).all()
    assert np.frombuffer(base64.b64decode(stored["biases"]), "<f4").tolist() == [1.5, -2.0]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("where", ["weights", "biases"])
def test_a_network_that_diverged_is_refused(where, value):
    trained = network(5)
    getattr(trained.mlp, where)[0].data.view(-1)[3] = value
    with pytest.raises(ValueError, match=r"^the network has weights that are not finite: .* give another checkpoint$"):
        stored_network(trained)


def test_the_page_knows_every_activation():
    assert sorted(known_activations()) == sorted(ACTIVATIONS)


@pytest.mark.parametrize("place", ["hidden", "outputs"])
def test_an_activation_that_the_page_does_not_know_is_refused(monkeypatch, place):
    def softplus(z, out=None):
        return F.softplus(z)

    monkeypatch.setitem(ACTIVATIONS, "softplus", Activation(softplus, softplus, partial(times, softplus)))
    names = ["softplus", "sigmoid"] if place == "hidden" else ["relu", "softplus"]
    mlp = MLP([784, 5, 10], names[0], "quadratic", output_activation=names[1])
    with pytest.raises(ValueError, match=r"^the page knows the activations identity, .*; got softplus: add a line"):
        stored_network(TrainedNetwork(mlp, tuple("0123456789")))
