import math

import pytest
import torch

from mnist_mlp.equations.activations import ACTIVATIONS, scaled_tanh, softmax

POINTS = [-1000.0, -20.0, -1.5, -1e-3, 0.0, 1e-3, 0.7, 20.0, 1000.0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("identity", 0.5),
        ("relu", 0.5),
        ("sigmoid", 1 / (1 + math.exp(-0.5))),
        ("tanh", math.tanh(0.5)),
        ("scaled_tanh", 1.7159 * math.tanh(1 / 3)),
    ],
)
def test_value_at_one_half(name, value):
    z = torch.tensor([0.5], dtype=torch.float64)
    assert ACTIVATIONS[name].function(z).item() == pytest.approx(value, rel=1e-12)


def test_relu_cuts_negative_inputs():
    assert ACTIVATIONS["relu"].function(torch.tensor([-2.0, 0.0, 3.0])).tolist() == [0, 0, 3]


def test_scaled_tanh_maps_one_to_one():
    assert scaled_tanh(torch.tensor([1.0, -1.0])).tolist() == pytest.approx([1, -1], abs=1e-4)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivative_is_that_of_the_function(name):
    z = torch.tensor(POINTS, dtype=torch.float64, requires_grad=True)
    a = ACTIVATIONS[name].function(z)
    a.sum().backward()
    torch.testing.assert_close(ACTIVATIONS[name].derivative(a.detach()), z.grad, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_times_derivative_multiplies_by_it(name):
    z = torch.tensor(POINTS, dtype=torch.float64, requires_grad=True)
    a, nabla_a = ACTIVATIONS[name].function(z), torch.linspace(-3, 4, len(POINTS), dtype=torch.float64)
    a.backward(nabla_a)
    torch.testing.assert_close(ACTIVATIONS[name].times_derivative(nabla_a, a.detach()), z.grad, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_finite_in_float32_wherever_z_is(name):
    a = ACTIVATIONS[name].function(torch.tensor(POINTS))
    assert a.isfinite().all()
    assert ACTIVATIONS[name].derivative(a).isfinite().all()


def test_relu_derivative_is_zero_at_the_kink():
    assert ACTIVATIONS["relu"].derivative(torch.zeros(3)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_keeps_shape_and_dtype(name):
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        a = ACTIVATIONS[name].function(torch.zeros(2, 3, dtype=dtype))
        derivative = ACTIVATIONS[name].derivative(a)
        assert (a.shape, a.dtype) == (derivative.shape, derivative.dtype) == ((2, 3), dtype)


def test_softmax_rows_are_probabilities_even_of_huge_inputs():
    a = softmax(torch.tensor([[1000.0, 0.0, -1000.0], [math.log(1), math.log(2), math.log(5)]]))
    torch.testing.assert_close(a, torch.tensor([[1.0, 0.0, 0.0], [1 / 8, 2 / 8, 5 / 8]]))
