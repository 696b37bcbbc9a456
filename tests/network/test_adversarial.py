import pytest
import torch
from torch.nn.utils import parametrizations

from mnist_mlp import MLP
from mnist_mlp.bare_loop.gradient_steps import AdversarialStep, AutogradStep, ManualStep
from mnist_mlp.network.adversarial import adversarial_examples


def network(gradients="manual", cost="cross_entropy"):
    torch.manual_seed(0)
    return MLP([6, 5, 4, 3], activation="tanh", cost=cost, initializer="xavier", gradients=gradients).double()


def samples(n=7):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(n, 6, generator=generator, dtype=torch.float64), torch.arange(n) % 3


def test_by_hand():
    mlp = MLP([2, 1], cost="quadratic", output_activation="identity")
    with torch.no_grad():
        mlp.weights[0].copy_(torch.tensor([[3.0, -4.0]]))
        mlp.biases[0].zero_()
    # z = 3 - 4 = -1, delta = z - y = -2 and 1, dC/dx = delta w / 2, of the direction -(3, -4)/5 and (3, -4)/5
    x, y = torch.tensor([[1.0, 1.0], [1.0, 1.0]]), torch.tensor([[1.0], [-2.0]])
    expected = torch.tensor([[1 - 0.3, 1 + 0.4], [1 + 0.3, 1 - 0.4]])
    torch.testing.assert_close(adversarial_examples(mlp, x, y, 0.5), expected)


@pytest.mark.parametrize("cost", ["quadratic", "mse", "cross_entropy", "binary_cross_entropy"])
def test_hand_written_ones_are_autograds(cost):
    x, labels = samples()
    by_hand, by_autograd = (
        adversarial_examples(network(mode, cost=cost), x, labels, 0.5) for mode in ("manual", "autograd")
    )
    torch.testing.assert_close(by_hand, by_autograd, rtol=0, atol=1e-12)


def test_they_lie_at_the_distance_asked_for_and_cost_more_than_any_other_way():
    mlp, (x, labels) = network(), samples()
    moved = adversarial_examples(mlp, x, labels, 1e-3)
    torch.testing.assert_close((moved - x).norm(dim=1), torch.full((7,), 1e-3, dtype=torch.float64))
    for i in range(7):
        ways = torch.nn.functional.normalize(torch.randn(100, 6, dtype=torch.float64))
        others = x[i] + 1e-3 * ways
        cost = mlp.loss(mlp(moved[i : i + 1]), labels[i : i + 1])
        assert all(mlp.loss(mlp(other[None]), labels[i : i + 1]) < cost for other in others)


def test_no_gradient_is_left_behind():
    mlp, (x, labels) = network(), samples()
    with torch.no_grad():
        moved = adversarial_examples(mlp, x, labels, 0.5)
    assert not moved.requires_grad
    assert not x.requires_grad
    assert all(parameter.grad is None for parameter in mlp.parameters())


@pytest.mark.parametrize("kind", [AutogradStep, ManualStep])
def test_a_step_is_the_mean_of_both_costs(kind):
    mlp, (x, labels) = network("manual" if kind is ManualStep else "autograd"), samples()
    moved = adversarial_examples(mlp, x, labels, 0.5)
    mean = (mlp.loss(mlp(x), labels) + mlp.loss(mlp(moved), labels)) / 2
    expected = torch.autograd.grad(mean, list(mlp.parameters()))
    z = torch.empty(14, 3, dtype=torch.float64)
    y = mlp.targets_as_values(torch.cat([labels, labels]), like=z)
    step = AutogradStep(mlp) if kind is AutogradStep else ManualStep(mlp, 14)
    AdversarialStep(step, mlp, 0.5)(x, y, z)
    for parameter, gradient in zip(mlp.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=0, atol=1e-12)
    torch.testing.assert_close(z, mlp(torch.cat([x, moved])))


@pytest.mark.parametrize("gradients", ["manual", "autograd"])
def test_under_autocast_every_parameter_still_gets_its_gradient(gradients):
    mlp = MLP([5, 4, 3], "tanh", gradients=gradients)
    x, labels = torch.rand(6, 5), torch.tensor([0, 1, 2, 0, 1, 2])
    with torch.autocast("cpu", torch.bfloat16):
        moved = adversarial_examples(mlp, x, labels, 0.5)
        loss = mlp.loss(mlp(moved), labels)
    loss.backward()
    assert all(parameter.grad is not None for parameter in mlp.parameters())
    torch.testing.assert_close((moved - x).norm(dim=1), torch.full((6,), 0.5), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("mode", ["manual", "autograd"])
def test_what_listens_to_a_layer_or_wraps_its_weight_is_honoured(mode):
    mlp, (x, labels) = network(mode), samples()
    plain = adversarial_examples(mlp, x, labels, 0.5)
    for layer in mlp.layers:
        parametrizations.weight_norm(layer)
    torch.testing.assert_close(adversarial_examples(mlp, x, labels, 0.5), plain)
    assert all(parameter.grad is None for parameter in mlp.parameters())

    def silence(layer: torch.nn.Module, args: tuple[torch.Tensor], z: torch.Tensor) -> torch.Tensor:
        return z * torch.tensor([0.0, 1, 1, 1])

    mlp.layers[1].register_forward_hook(silence)
    pixels = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(mlp.loss(mlp(pixels), labels), pixels)
    expected = x + 0.5 * torch.nn.functional.normalize(g)
    assert not torch.allclose(expected, plain)
    torch.testing.assert_close(adversarial_examples(mlp, x, labels, 0.5), expected)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.ones(2, 5, dtype=torch.int64), "inputs must be floating-point"),
        (torch.rand(0, 5), "a batch must hold at least one sample"),
        (torch.full((2, 5), torch.nan), "inputs must be finite"),
    ],
)
def test_bad_inputs_are_refused(x, message, without_shape_checks):
    with pytest.raises(ValueError, match=message):
        adversarial_examples(MLP([5, 4, 3]), x, torch.zeros(len(x), dtype=torch.int64), 0.5)


@pytest.mark.parametrize("dropout", [{"dropout": 0.5}, {"input_dropout": 0.5}, {"dropout": 0.5, "input_dropout": 0.5}])
def test_the_way_is_that_of_the_network_under_its_masks(dropout):
    mlp = MLP([5, 8, 3], "tanh", **dropout).double()
    x, labels = torch.rand(6, 5, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1, 2])
    torch.manual_seed(1)
    moved = adversarial_examples(mlp, x, labels, 0.5)
    torch.manual_seed(1)
    pixels = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(mlp.loss(mlp(pixels), labels), pixels)
    torch.testing.assert_close(moved, x + 0.5 * torch.nn.functional.normalize(g))
