import copy
from functools import partial
from typing import cast

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from mnist_mlp import MLP
from mnist_mlp.bare_loop.after_step import Descent, after_each_step, limit_hidden_norms
from mnist_mlp.bare_loop.block import BareLoop
from mnist_mlp.network.stack import MLPStack

STEPS, BATCH = 3, 5


@pytest.fixture
def mlp():
    torch.manual_seed(0)
    return MLP([4, 6, 3], "sigmoid", gradients="manual")


def block(batch_size=BATCH):
    generator = torch.Generator().manual_seed(1)
    xs = torch.rand(STEPS, batch_size, 4, generator=generator)
    return xs, torch.randint(3, (STEPS, batch_size), generator=generator)


def descent(mlp):
    return after_each_step(mlp, torch.optim.SGD(mlp.parameters(), lr=0.5))


def test_it_gives_the_logits_of_each_mini_batch_from_before_its_update(mlp):
    xs, labels = block()
    before = mlp(xs[0]).detach()
    zs, ys = BareLoop(mlp).train(xs, labels, descent(mlp))
    assert torch.equal(zs[0], before)
    assert torch.equal(ys, torch.eye(3)[labels])
    assert zs.shape == (STEPS, BATCH, 3)


def halve(layer):
    layer.register_forward_hook(lambda layer, args, z: z / 2)


def with_an_unused_parameter(layer):
    layer.register_forward_hook(lambda layer, args, z: z + 1)
    layer.extra = nn.Parameter(torch.ones(2))


OTHERS = [
    halve,
    with_an_unused_parameter,
    parametrizations.weight_norm,
    partial(prune.ln_structured, name="weight", amount=2, n=2, dim=0),
]


@pytest.mark.parametrize("gradients", ["manual", "autograd"])
@pytest.mark.parametrize("change", OTHERS)
def test_what_listens_to_a_layer_or_wraps_its_weight_is_honoured(change, gradients):
    torch.manual_seed(0)
    mlp = MLP([4, 6, 3], "sigmoid", gradients=gradients)
    other = copy.deepcopy(mlp)
    change(mlp.layers[0])
    change(other.layers[0])
    xs, labels = block()
    BareLoop(mlp, l2_strength=0.1).train(xs, labels, descent(mlp))
    optimizer = torch.optim.SGD(other.parameters(), lr=0.5)
    for x, y in zip(xs, labels, strict=True):
        optimizer.zero_grad()
        first, last = cast(list[nn.Linear], other.layers)
        z = last(torch.sigmoid(first(x)))
        penalty = sum(layer.weight.square().sum() for layer in (first, last)) * 0.1 / 2
        (nn.functional.cross_entropy(z, y) + penalty).backward()
        optimizer.step()
    torch.testing.assert_close(mlp.state_dict(), other.state_dict())


def share_weight(layers):
    layers[2].weight = layers[1].weight


def share_bias(layers):
    layers[2].bias = layers[1].bias


def share_all(layers):
    layers[2] = layers[1]


@pytest.mark.parametrize("gradients", ["manual", "autograd"])
@pytest.mark.parametrize("share", [share_weight, share_bias, share_all])
def test_what_two_layers_share_gets_the_gradients_of_both(share, gradients):
    torch.manual_seed(0)
    mlp = MLP([4, 6, 6, 6, 3], "sigmoid", gradients=gradients)
    share(mlp.layers)
    other = copy.deepcopy(mlp)
    xs, labels = block()
    BareLoop(mlp).train(xs, labels, descent(mlp))
    optimizer = torch.optim.SGD(other.parameters(), lr=0.5)
    for x, y in zip(xs, labels, strict=True):
        optimizer.zero_grad()
        *hidden, last = cast(list[nn.Linear], other.layers)
        for layer in hidden:
            x = torch.sigmoid(layer(x))
        nn.functional.cross_entropy(last(x), y).backward()
        optimizer.step()
    torch.testing.assert_close(mlp.state_dict(), other.state_dict())


def cut_off(layer):
    layer.register_forward_hook(lambda layer, args, z: z.detach())


def with_an_idle_parameter(layer):
    layer.extra = nn.Parameter(torch.ones(2))


def as_it_is(layer):
    pass


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("gradients", ["manual", "autograd"])
@pytest.mark.parametrize("change", [cut_off, with_an_idle_parameter, as_it_is])
def test_a_parameter_without_a_gradient_is_passed_over(change, gradients, accumulate):
    torch.manual_seed(0)
    mlp, of_another = MLP([4, 6, 3], "sigmoid", gradients=gradients), nn.Parameter(torch.ones(2))
    change(mlp.layers[0])
    xs, labels = block()
    optimizer = torch.optim.SGD([of_another, *mlp.parameters()], lr=0.5)
    last = mlp.weights[-1].detach().clone()
    BareLoop(mlp, accumulate=accumulate).train(xs, labels, after_each_step(mlp, optimizer))
    assert torch.equal(of_another, torch.ones(2))
    assert not torch.equal(mlp.weights[-1], last)


def test_a_weight_that_is_computed_cannot_be_limited(mlp):
    parametrizations.weight_norm(mlp.layers[0])
    with pytest.raises(
        ValueError, match=r"max_norm must be left out .* got max_norm 0.5 and such a weight in layers\[0"
    ):
        limit_hidden_norms(mlp, 0.5)


def test_memory_is_allocated_once(mlp):
    loop, after_step = BareLoop(mlp), descent(mlp)
    loop.train(*block(), after_step)
    memory = [parameter.grad.data_ptr() for parameter in mlp.parameters()]
    mlp.zero_grad()  # as Lightning does between two blocks
    loop.train(*block(), after_step)
    assert [parameter.grad.data_ptr() for parameter in mlp.parameters()] == memory


def test_a_smaller_last_mini_batch_has_memory_of_its_own(mlp):
    loop, after_step = BareLoop(mlp), descent(mlp)
    loop.train(*block(), after_step)
    zs, _ = loop.train(*block(batch_size=2), after_step)
    assert zs.shape == (STEPS, 2, 3)
    assert all(parameter.isfinite().all() for parameter in mlp.parameters())


def test_a_parameter_that_was_replaced_gets_the_gradient(mlp):
    loop = BareLoop(mlp)
    loop.train(*block(), [])
    mlp.layers[0].weight = nn.Parameter(mlp.layers[0].weight.data)  # another one in the same memory
    loop.train(*block(), [])
    assert mlp.layers[0].weight.grad is not None


def test_a_weight_that_was_turned_in_its_memory_is_trained_as_it_now_is():
    mlp = MLP([4, 4, 3], "sigmoid", gradients="manual")
    loop = BareLoop(mlp)
    loop.train(*block(), [])
    mlp.weights[0].data = mlp.weights[0].data.T
    xs, labels = block()
    before = mlp(xs[0]).detach()
    zs, _ = loop.train(xs, labels, descent(mlp))
    assert torch.equal(zs[0], before)


@pytest.mark.parametrize("threshold", [1, 10**9], ids=["oneDNN", "MKL"])
@pytest.mark.parametrize("fused", [torch.optim.Adam, torch.optim.SGD, torch.optim.Adagrad])
def test_weights_that_lie_column_by_column_are_trained_by_fused_optimizers(fused, threshold, monkeypatch):
    monkeypatch.setattr("mnist_mlp.equations.matrix_product.ONEDNN_PRODUCTS", threshold)
    monkeypatch.setattr("mnist_mlp.bare_loop.gradient_steps.ONEDNN_PRODUCTS", threshold)
    xs, labels = block()
    trained = []
    for by_columns in (False, True):
        torch.manual_seed(0)
        mlp = MLP([4, 6, 3], "sigmoid", gradients="manual")
        for layer in mlp.layers if by_columns else []:
            layer.weight = nn.Parameter(cast(nn.Linear, layer).weight.detach().T.contiguous().T)
        optimizer = fused(mlp.parameters(), lr=0.5, fused=True)
        BareLoop(mlp, l2_strength=0.1).train(xs, labels, after_each_step(mlp, optimizer))
        trained.append(mlp.state_dict())
    torch.testing.assert_close(trained[1], trained[0])


def test_every_mini_batch_can_be_watched(mlp):
    seen = []

    def watch(step):
        def watched(x, y, z):
            step(x, y, z)
            seen.append((x, mlp.biases[0].grad.clone()))

        return watched

    xs, labels = block()
    BareLoop(mlp).train(xs, labels, descent(mlp), watch)
    assert [torch.equal(x, expected) for (x, _), expected in zip(seen, xs, strict=True)] == [True] * STEPS


def test_what_follows_a_step_comes_in_its_order(mlp):
    optimizer = torch.optim.SGD(mlp.parameters(), lr=0.5)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    clip, update, schedule, limit = after_each_step(mlp, optimizer, [scheduler], lambda: None, max_norm=1.0)
    assert clip() is None
    assert isinstance(update, Descent)
    schedule()
    assert optimizer.param_groups[0]["lr"] == 0.45
    mlp.weights[0].data.fill_(10.0)
    mlp.weights[1].data.fill_(10.0)
    limit()
    norms = [w.norm(dim=1).max().item() for w in mlp.weights]
    assert norms[0] == pytest.approx(1.0)
    assert norms[1] > 10


def test_a_schedule_that_moves_the_momentum_needs_the_optimizers_own_step(mlp):
    class MovesMomentum(torch.optim.lr_scheduler.ExponentialLR):
        cycle_momentum = True

    optimizer = torch.optim.SGD(mlp.parameters(), lr=0.5)
    update, _ = after_each_step(mlp, optimizer, [MovesMomentum(optimizer, 0.9)])
    assert update == optimizer.step


def test_a_stack_takes_no_adversarial_examples(mlp):
    with pytest.raises(ValueError, match="a stack takes no adversarial examples"):
        BareLoop(MLPStack([mlp]), adversarial=0.5)
