from math import sqrt

import pytest
import torch

from mnist_mlp.equations.initializers import initializer_named

N_OUT, N_IN = 300, 1200


def draw(name):
    torch.manual_seed(0)
    weight, bias = torch.full((N_OUT, N_IN), torch.nan), torch.full((N_OUT,), torch.nan)
    initializer_named(name)(weight, bias)
    return weight, bias


@pytest.mark.parametrize(
    ("name", "weight_std", "bias_std"),
    [
        ("large", 1, 1),
        ("scaled", 1 / sqrt(N_IN), 1),
        ("he", sqrt(2 / N_IN), 0),
        ("xavier", sqrt(2 / (N_IN + N_OUT)), 0),
        ("pytorch", 1 / sqrt(3 * N_IN), 1 / sqrt(3 * N_IN)),
        ("fan_out", 1 / sqrt(N_OUT), 1),
        ("normal(0.05)", 0.05, 0),
        ("uniform(0.3)", 0.3 / sqrt(3), 0),
    ],
)
def test_mean_and_spread(name, weight_std, bias_std):
    weight, bias = draw(name)
    assert weight.mean().item() == pytest.approx(0, abs=0.01 * weight_std)
    assert weight.std().item() == pytest.approx(weight_std, rel=0.01)
    assert bias.std().item() == pytest.approx(bias_std, rel=0.15)
    assert bias.mean().item() == pytest.approx(0, abs=0.2 * bias_std)


@pytest.mark.parametrize(
    ("name", "bound"),
    [("xavier", sqrt(6 / (N_IN + N_OUT))), ("pytorch", 1 / sqrt(N_IN)), ("uniform(0.3)", 0.3)],
)
def test_uniform_ones_keep_their_bounds(name, bound):
    weight, _ = draw(name)
    assert weight.abs().max().item() == pytest.approx(bound, rel=1e-3)
    assert weight.abs().max().item() <= bound + 1e-7


@pytest.mark.parametrize(("name", "std"), [("large", 1), ("scaled", 1 / sqrt(N_IN)), ("he", sqrt(2 / N_IN))])
def test_normal_ones_have_tails(name, std):
    weight, _ = draw(name)
    assert weight.abs().max().item() > 4 * std


def test_pytorch_draws_what_linear_draws():
    torch.manual_seed(1)
    linear = torch.nn.Linear(7, 5)
    torch.manual_seed(1)
    weight, bias = torch.empty(5, 7), torch.empty(5)
    initializer_named("pytorch")(weight, bias)
    torch.testing.assert_close(weight, linear.weight.detach())
    torch.testing.assert_close(bias, linear.bias.detach())


@pytest.mark.parametrize("name", ["hee", "normal", "normal()", "normal(-1)", "uniform(x)", "large(2)", ""])
def test_unknown_names_are_refused(name):
    allowed = r"fan_out, he, large, normal\(std\), pytorch, scaled, uniform\(bound\), xavier, zeros"
    with pytest.raises(ValueError, match=f"initializer must be one of {allowed}, .* got "):
        initializer_named(name)
