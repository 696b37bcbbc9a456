from itertools import pairwise

import pytest
import torch

from mnist_mlp.network.input_checks import check_inputs


def layers(*sizes):
    return [torch.rand(n, m) for m, n in pairwise(sizes)], [torch.rand(n) for n in sizes[1:]]


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.rand(5, 4), r"inputs must have the shape \(batch, 3\); got \(5, 4\)"),
        (torch.rand(3), r"inputs must have the shape \(batch, 3\); got \(3,\): give a single sample as x\[None\]"),
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
        check_inputs(x, weights, biases)


def test_layers_that_do_not_fit_are_refused(without_shape_checks):
    weights, biases = layers(3, 4, 2)
    x = torch.rand(5, 3)
    with pytest.raises(ValueError, match=r"weights\[1\] .* shapes \(n, 4\) and \(n,\); got \(4, 2\) and \(2,\)"):
        check_inputs(x, [weights[0], weights[1].T], biases)
    with pytest.raises(ValueError, match=r"weights\[0\] and biases\[0\] .* got \(4, 3\) and \(1,\)"):
        check_inputs(x, weights, [torch.zeros(1), biases[1]])
    with pytest.raises(ValueError, match=r"on one device; got cpu, weights\[1\] on meta"):
        check_inputs(x, [weights[0], weights[1].to("meta")], biases)
