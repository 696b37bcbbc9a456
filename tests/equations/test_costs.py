import math

import pytest
import torch
from torch.nn import functional as F

from mnist_mlp.equations.activations import ACTIVATIONS
from mnist_mlp.equations.costs import cost_named

COSTS = [
    *[(cost, output) for cost in ("quadratic", "mse") for output in ACTIVATIONS],
    ("cross_entropy", "softmax"),
    ("binary_cross_entropy", "sigmoid"),
]


def sample(dtype=torch.float64, batch=4, n_L=3):
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(batch, n_L, generator=generator, dtype=dtype)
    y = torch.eye(n_L, dtype=dtype)[torch.randint(n_L, (batch,), generator=generator)]
    return z, y


def test_quadratic_by_hand():
    z, y = torch.tensor([[0.0, 1.0], [2.0, 3.0]]), torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    # 1/(2n) sum ||z - y||^2 with n = 2: (1 + 0 + 4 + 9) / 4
    assert cost_named("quadratic", "identity").value(z, y).item() == 3.5
    assert cost_named("quadratic", "identity").output_error(z, y).tolist() == [[-0.5, 0], [1, 1.5]]


def test_cross_entropies_by_hand():
    z, y = torch.zeros(1, 2), torch.tensor([[1.0, 0.0]])
    assert cost_named("cross_entropy").value(z, y).item() == pytest.approx(math.log(2))
    assert cost_named("cross_entropy").output_error(z, y).tolist() == [[-0.5, 0.5]]
    # two outputs at 1/2 cost ln 2 each
    assert cost_named("binary_cross_entropy").value(z, y).item() == pytest.approx(2 * math.log(2))
    assert cost_named("binary_cross_entropy").output_error(z, y).tolist() == [[-0.5, 0.5]]


def test_scales_are_those_of_torch():
    z, y = sample()
    labels = y.argmax(dim=1)
    torch.testing.assert_close(cost_named("mse").value(z, y), F.mse_loss(z.sigmoid(), y))
    torch.testing.assert_close(cost_named("quadratic").value(z, y), F.mse_loss(z.sigmoid(), y) * 3 / 2)
    torch.testing.assert_close(cost_named("cross_entropy").value(z, y), F.cross_entropy(z, labels))
    torch.testing.assert_close(
        cost_named("binary_cross_entropy").value(z, y), 3 * F.binary_cross_entropy_with_logits(z, y)
    )


@pytest.mark.parametrize(("cost", "output"), COSTS)
def test_output_error_is_the_derivative_of_the_cost(cost, output):
    z, y = sample()
    z.requires_grad_()
    value, output_error, *_ = cost_named(cost, output)
    value(z, y).backward()
    torch.testing.assert_close(output_error(z.detach(), y), z.grad, rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize(("cost", "output"), COSTS)
def test_finite_in_float32_at_extremes(cost, output):
    z = torch.tensor([[1000.0, -1000.0], [-1000.0, 1000.0]])
    y = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    value, output_error, output_activation, *_ = cost_named(cost, output)
    assert value(z, y).isfinite()
    assert output_error(z, y).isfinite().all()
    assert output_activation(z).isfinite().all()


@pytest.mark.parametrize("cost", ["cross_entropy", "binary_cross_entropy"])
def test_a_confident_mistake_still_learns(cost):
    z, y = torch.tensor([[1000.0, -1000.0]]), torch.tensor([[0.0, 1.0]])
    assert cost_named(cost).output_error(z, y).tolist() == [[1, -1]]
    assert cost_named(cost).value(z, y).item() == 2000


def test_output_activation_by_default():
    z = torch.tensor([[0.0, math.log(3)]])
    assert cost_named("quadratic").output_activation(z)[0].tolist() == pytest.approx([0.5, 0.75])
    assert cost_named("cross_entropy").output_activation(z)[0].tolist() == pytest.approx([0.25, 0.75])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mean",), "cost must be one of binary_cross_entropy, cross_entropy, mse, quadratic; got 'mean'"),
        (("mse", "sofmax"), "output_activation must be one of identity, relu, .* with the cost mse; got 'sofmax'"),
        (("cross_entropy", "sigmoid"), "output_activation must be softmax with the cost cross_entropy.*'sigmoid'"),
        (("binary_cross_entropy", "identity"), "output_activation must be sigmoid .* got 'identity'"),
    ],
)
def test_unknown_names_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        cost_named(*arguments)


@pytest.mark.parametrize(("cost", "output"), COSTS)
@pytest.mark.parametrize("scale", [1.0, 0.3, 2.5])
def test_output_error_is_the_derivative_for_values_that_are_no_labels(cost, output, scale):
    z, _ = sample()
    y = scale * torch.rand(z.shape, generator=torch.Generator().manual_seed(1), dtype=z.dtype)
    value, output_error, *_ = cost_named(cost, output)
    z.requires_grad_()
    value(z, y).backward()
    by_hand = output_error(z.detach(), y)
    torch.testing.assert_close(by_hand, z.grad, rtol=1e-12, atol=1e-16)
    h = 1e-6
    for i in range(z.numel()):
        step = torch.zeros(z.numel(), dtype=z.dtype)
        step[i] = h
        step = step.view_as(z)
        with torch.no_grad():
            central = (value(z + step, y) - value(z - step, y)) / (2 * h)
        assert by_hand.view(-1)[i].item() == pytest.approx(central.item(), abs=1e-8)


def test_cross_entropy_of_rows_that_sum_to_2_by_hand():
    z, y = torch.zeros(1, 2), torch.tensor([[2.0, 0.0]])
    # twice that of (1, 0), for which it is (1/2 - 1, 1/2)
    assert cost_named("cross_entropy").output_error(z, y).tolist() == [[-1, 1]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_error_of_labels_is_the_output_error_to_the_last_bit(dtype):
    z, y = sample(dtype)
    cost = cost_named("cross_entropy")
    assert cost.label_error
    assert torch.equal(cost.label_error(z, y), cost.output_error(z, y))
