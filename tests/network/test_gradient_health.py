import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from mnist_mlp import MLP
from mnist_mlp.equations import ACTIVATIONS
from mnist_mlp.network.gradient_health import idle_share, probe, relative_updates

SIZES = [6, 5, 4, 3]


def network(**arguments):
    torch.manual_seed(0)
    return MLP(
        SIZES, **{"activation": ["tanh", "sigmoid"], "initializer": "xavier", "dropout": 0.5} | arguments
    ).double()


def samples(n=7):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(n, 6, generator=generator, dtype=torch.float64), torch.arange(n) % 3


@pytest.mark.parametrize("cost", ["quadratic", "mse", "cross_entropy", "binary_cross_entropy"])
def test_errors_are_the_gradients_of_each_images_cost(cost):
    mlp, (x, labels) = network(cost=cost), samples()
    seen = probe(mlp, x, labels)
    mlp.eval()
    for i in range(len(x)):
        loss = mlp.loss(mlp(x[i : i + 1]), labels[i : i + 1])
        by_bias = torch.autograd.grad(loss, mlp.biases)
        for delta, expected in zip(seen.deltas, by_bias, strict=True):
            torch.testing.assert_close(delta[i], expected)
    norms = [torch.stack([row.norm() for row in delta]).mean().item() for delta in seen.deltas]
    assert seen.error_norms() == pytest.approx(norms)


def test_gradients_are_of_the_first_images():
    mlp, (x, labels) = network(), samples()
    mlp.eval()
    expected = torch.autograd.grad(mlp.loss(mlp(x[:3]), labels[:3]), mlp.weights)
    for gradient, w in zip(probe(mlp, x, labels).gradients(3), expected, strict=True):
        torch.testing.assert_close(gradient, w)


def test_a_probe_goes_through_layers_that_are_not_plain():
    mlp, (x, labels) = network(), samples()
    plain = probe(mlp, x, labels)
    for layer in mlp.layers:
        parametrizations.spectral_norm(layer)
    state = copy.deepcopy(mlp.state_dict())
    probe(mlp, x, labels)
    torch.testing.assert_close(mlp.state_dict(), state, rtol=0, atol=0)  # no power iteration is made by looking
    assert mlp.layers[0].training

    mlp = network()
    mlp.layers[1] = nn.Sequential(mlp.layers[1])
    seen = probe(mlp, x, labels)
    for tensors, expected in zip(seen, plain, strict=True):
        torch.testing.assert_close(list(tensors), list(expected))


def test_a_rectifier_is_dead_that_never_fires():
    a = torch.tensor([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0]])
    assert idle_share(ACTIVATIONS["relu"], a) == 0.5


@pytest.mark.parametrize(("name", "flat", "steep"), [("sigmoid", 4.5, 4.2), ("tanh", 2.25, 2.1)])
def test_an_activation_is_saturated_where_it_is_flat(name, flat, steep):
    a = getattr(torch, name)(torch.tensor([[-flat, flat, flat, steep]]))
    assert idle_share(ACTIVATIONS[name], a) == 0.75


def test_identity_never_idles():
    assert idle_share(ACTIVATIONS["identity"], torch.zeros(2, 2)) is None


@pytest.mark.parametrize(
    "make",
    [
        lambda p: torch.optim.SGD(p, lr=0.3),
        lambda p: torch.optim.SGD(p, lr=0.3, momentum=0.9, weight_decay=0.01),
        lambda p: torch.optim.Adam(p, lr=0.01, fused=True),
    ],
)
def test_the_step_is_tried_and_not_made(make):
    mlp, (x, labels) = network(dropout=0.0), samples()
    optimizer = make(mlp.parameters())
    torch.optim.lr_scheduler.StepLR(optimizer, 1)
    mlp.loss(mlp(x), labels).backward()
    optimizer.step()
    state = copy.deepcopy((mlp.state_dict(), optimizer.state_dict()))
    gradients = probe(mlp, x, labels).gradients(7)
    ratios = relative_updates(optimizer, mlp.weights, gradients)
    torch.testing.assert_close((mlp.state_dict(), optimizer.state_dict()), state, rtol=0, atol=0)

    before = [w.detach().clone() for w in mlp.weights]
    optimizer.zero_grad()
    for w, gradient in zip(mlp.weights, gradients, strict=True):
        w.grad = gradient
    optimizer.step()
    expected = [((w - old).norm() / old.norm()).item() for w, old in zip(mlp.weights, before, strict=True)]
    assert ratios == pytest.approx(expected)
