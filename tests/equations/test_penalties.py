import torch
from torch import tensor

from mnist_mlp.equations.penalties import l1, l1_gradient, l2, l2_gradient, limit_norms


def test_l1_by_hand():
    weights = [tensor([[1.0, -2.0]]), tensor([[0.0]])]
    assert l1(weights, 0.5).item() == 0.5 * (1 + 2)
    assert l1_gradient(weights[0], 0.5).tolist() == [[0.5, -0.5]]
    assert l1_gradient(weights[1], 0.5).tolist() == [[0.0]]


def test_l2_by_hand():
    weights = [tensor([[1.0, 2.0]]), tensor([[3.0]])]
    assert l2(weights, 0.5).item() == 0.25 * (1 + 4 + 9)
    assert l2_gradient(weights[0], 0.5).tolist() == [[0.5, 1.0]]


def test_rows_that_are_too_long_are_shrunk_and_others_left():
    w = tensor([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
    limit_norms(w, 2.0)
    torch.testing.assert_close(w, tensor([[1.2, 1.6], [0.3, 0.4], [0.0, 0.0]]))
    stack = tensor([[[3.0, 4.0], [0.3, 0.4]], [[0.3, 0.4], [0.0, 4.0]]])  # two networks with two neurons each
    limit_norms(stack, 2.0)
    torch.testing.assert_close(stack, tensor([[[1.2, 1.6], [0.3, 0.4]], [[0.3, 0.4], [0.0, 2.0]]]))
