import doctest
from itertools import pairwise

import pytest
import torch
from torch import tensor

from mnist_mlp.equations import backprop
from mnist_mlp.equations.activations import ACTIVATIONS
from mnist_mlp.equations.backprop import backpropagate, feedforward

SIGMOID = ACTIVATIONS["sigmoid"]


def layers(*sizes):
    generator = torch.Generator().manual_seed(0)
    weights = [torch.randn(n, m, generator=generator) for m, n in pairwise(sizes)]
    return weights, [torch.randn(n, generator=generator) for n in sizes[1:]]


def test_the_worked_example():
    failures, tests = doctest.testmod(backprop)
    assert (failures, tests > 5) == (0, True)


def test_without_dropout_nothing_is_kept_twice():
    weights, biases = layers(4, 3, 5, 2)
    _, trace = feedforward(torch.rand(7, 4), weights, biases, [SIGMOID, SIGMOID])
    assert [a.data_ptr() for a in trace.inputs[1:]] == [a.data_ptr() for a in trace.outputs]


def test_dropout_masks_stop_the_error_where_they_stop_the_signal():
    weights, biases = layers(3, 4, 2)
    mask = tensor([[0.0, 2.0, 0.0, 2.0]])
    _, trace = feedforward(torch.rand(1, 3), weights, biases, [SIGMOID], [None, mask])
    gradients = backpropagate(torch.ones(1, 2), weights, [SIGMOID], trace)
    assert gradients.weights[0][[0, 2]].abs().max() == 0
    assert gradients.weights[1][:, [0, 2]].abs().max() == 0
    assert gradients.weights[0][[1, 3]].abs().min() > 0


def test_the_inputs_gradient_only_where_it_is_asked_for():
    weights, biases = layers(3, 4, 2)
    x = torch.rand(5, 3, requires_grad=True)
    feedforward(x, weights, biases, [SIGMOID])[0].sum().backward()
    _, trace = feedforward(x.detach(), weights, biases, [SIGMOID])
    assert backpropagate(torch.ones(5, 2), weights, [SIGMOID], trace).x is None
    x_gradient = backpropagate(torch.ones(5, 2), weights, [SIGMOID], trace, input_gradient=True).x
    torch.testing.assert_close(x_gradient, x.grad)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.rand(5, 4), r"inputs must have the shape \(batch, 3\); got \(5, 4\)"),
        (torch.rand(3), r"inputs must have the shape \(batch, 3\); got \(3,\)"),
        (torch.rand(2, 1, 3), r"inputs must have the shape \(batch, 3\); got \(2, 1, 3\)"),
        (torch.rand(0, 3), r"a batch must hold at least one sample; got the shape \(0, 3\)"),
        (torch.ones(2, 3, dtype=torch.uint8), "inputs must be floating-point, .* got torch.uint8"),
        (torch.ones(2, 3, dtype=torch.float64), "must have one dtype; got torch.float64, weights.0. of torch.float32"),
        (torch.full((2, 3), torch.nan), "inputs must be finite; got NaN or infinite ones"),
        (torch.full((2, 3), torch.inf), "inputs must be finite; got NaN or infinite ones"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(x, message, without_shape_checks):
    weights, biases = layers(3, 4, 2)
    with pytest.raises(ValueError, match=message):
        feedforward(x, weights, biases, [SIGMOID])


def test_layers_that_do_not_fit_are_refused(without_shape_checks):
    weights, biases = layers(3, 4, 2)
    x = torch.rand(5, 3)
    with pytest.raises(ValueError, match=r"weights\[1\] .* shapes \(n, 4\) and \(n,\); got \(4, 2\) and \(2,\)"):
        feedforward(x, [weights[0], weights[1].T], biases, [SIGMOID])
    with pytest.raises(ValueError, match=r"weights\[0\] and biases\[0\] .* got \(4, 3\) and \(1,\)"):
        feedforward(x, weights, [torch.zeros(1), biases[1]], [SIGMOID])
    with pytest.raises(ValueError, match=r"on one device; got cpu, weights\[1\] on meta"):
        feedforward(x, [weights[0], weights[1].to("meta")], biases, [SIGMOID])


def test_a_delta_that_does_not_fit_is_refused(without_shape_checks):
    weights, biases = layers(3, 4, 2)
    _, trace = feedforward(torch.rand(5, 3), weights, biases, [SIGMOID])
    with pytest.raises(ValueError, match=r"delta must have the shape of z, \(5, 2\); got \(5, 1\)"):
        backpropagate(torch.ones(5, 1), weights, [SIGMOID], trace)
