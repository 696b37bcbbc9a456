import doctest
from itertools import pairwise

import torch
from torch import tensor

from mnist_mlp.equations import backprop
from mnist_mlp.equations.activations import ACTIVATIONS
from mnist_mlp.equations.backprop import activation_gradient, backpropagate, errors, feedforward

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


def test_the_inputs_gradient_is_one_step_further_down():
    weights, biases = layers(3, 4, 2)
    x = torch.rand(5, 3, requires_grad=True)
    mask = tensor([[0.0, 2.0, 2.0]]).expand(5, 3)
    feedforward(x, weights, biases, [SIGMOID], [mask, None])[0].sum().backward()
    _, trace = feedforward(x.detach(), weights, biases, [SIGMOID], [mask, None])
    delta_1 = backpropagate(torch.ones(5, 2), weights, [SIGMOID], trace).delta
    torch.testing.assert_close(activation_gradient(delta_1, weights[0], mask), x.grad)


def test_the_errors_come_from_the_last_layer_to_the_first():
    weights, biases = layers(4, 3, 5, 2)
    x, sigmas = torch.rand(7, 4), [SIGMOID, SIGMOID]
    biases = [b.requires_grad_() for b in biases]
    feedforward(x, weights, biases, sigmas)[0].sum().backward()
    biases, by_autograd = [b.detach() for b in biases], [b.grad for b in biases]
    _, trace = feedforward(x, weights, biases, sigmas)
    walked = dict(errors(torch.ones(7, 2), weights, sigmas, trace))
    assert list(walked) == [2, 1, 0]
    for l, delta in walked.items():
        torch.testing.assert_close(delta.sum(dim=0), by_autograd[l])
