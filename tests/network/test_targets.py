"""What a network may aim at: labels, one-hot rows, smoothed and mixed labels, any values; the costs of torch beside."""

import pytest
import torch
from torch import tensor
from torch.nn import functional as F

from mnist_mlp import MLP

pytestmark = pytest.mark.usefixtures("without_shape_checks")

LABELS = tensor([0, 1, 1, 0, 1])


def one_output(cost="binary_cross_entropy", gradients="autograd", **settings):
    torch.manual_seed(0)
    return MLP([4, 3, 1], cost=cost, gradients=gradients, **settings), torch.rand(5, 4)


@pytest.mark.parametrize("gradients", ["manual", "autograd"])
@pytest.mark.parametrize("labels", [LABELS, LABELS.bool(), LABELS.to(torch.uint8), LABELS.int()], ids=str)
def test_one_output_takes_labels_0_and_1(labels, gradients):
    mlp, x = one_output(gradients=gradients)
    z = mlp(x)
    expected = F.binary_cross_entropy_with_logits(z, labels[:, None].float())
    (gradient,) = torch.autograd.grad(expected, [mlp.weights[0]], retain_graph=True)
    loss = mlp.loss(z, labels)
    loss.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    torch.testing.assert_close(mlp.weights[0].grad, gradient)


@pytest.mark.parametrize("cost", ["quadratic", "mse"])
def test_one_output_of_a_squared_cost_takes_labels_too(cost):
    mlp, x = one_output(cost)
    z = mlp(x)
    scale = 0.5 if cost == "quadratic" else 1
    expected = scale * F.mse_loss(z.sigmoid(), LABELS[:, None].float())
    assert mlp.loss(z, LABELS).item() == pytest.approx(expected.item(), rel=1e-6)


def test_one_output_has_no_third_label():
    mlp, x = one_output()
    with pytest.raises(ValueError, match=r"labels must lie in 0 \.\.\. 1; got 0 \.\.\. 2"):
        mlp.loss(mlp(x), LABELS * 2)


def test_softmax_of_one_output_is_sure_of_its_only_class():
    mlp, x = one_output("cross_entropy")
    z, labels = mlp(x), torch.zeros(5, dtype=torch.int64)
    assert mlp.loss(z, labels).item() == F.cross_entropy(z, labels).item() == 0


ROWS = {
    "one-hot": lambda: F.one_hot(tensor([2, 0, 1, 2, 2]), 3).float(),
    "smoothed": lambda: 0.9 * F.one_hot(tensor([2, 0, 1, 2, 2]), 3) + 0.1 / 3,
    "soft": lambda: torch.rand(5, 3).softmax(dim=1),
    "of any sum": lambda: 3 * torch.rand(5, 3),
    "float64": lambda: torch.rand(5, 3, dtype=torch.float64),
}


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("gradients", ["manual", "autograd"])
def test_cross_entropy_and_its_gradient_are_torchs_for_any_rows(rows, gradients):
    torch.manual_seed(0)
    mlp, x, y = MLP([4, 6, 3], gradients=gradients), torch.rand(5, 4), ROWS[rows]()
    z = mlp(x)
    expected = -(y.float() * z.log_softmax(dim=1)).sum() / 5
    gradients_of_torch = torch.autograd.grad(expected, list(mlp.parameters()), retain_graph=True)
    loss = mlp.loss(z, y)
    loss.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    for parameter, gradient in zip(mlp.parameters(), gradients_of_torch, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_a_gradient_for_the_targets_is_left_to_autograd():
    y = torch.rand(5, 3, requires_grad=True)
    by_hand, x = MLP([4, 3], gradients="manual"), torch.rand(5, 4)
    with pytest.raises(RuntimeError, match="no gradient for the targets is made by hand"):
        by_hand.loss(by_hand(x), y).backward()
    mlp = MLP([4, 3])
    mlp.loss(mlp(x), y).backward()
    assert y.grad is not None
