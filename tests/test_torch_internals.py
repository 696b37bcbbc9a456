"""What this project uses of torch without torch's promise; each of these tests says which name is gone."""

import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from mnist_mlp import torch_internals
from mnist_mlp.torch_internals import (
    add_scaled_,
    allocations,
    announce_step,
    has_hooks,
    onednn_linear,
    optimizer_has_hooks,
)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this build of torch has no oneDNN")
def test_onednns_linear_layer_is_there_and_is_one():
    assert torch_internals.HAS_ONEDNN_LINEAR, "torch.ops.mkldnn._linear_pointwise is gone: large products are MKL's"
    a, w, bias = torch.rand(5, 7), torch.rand(3, 7), torch.rand(3)
    torch.testing.assert_close(onednn_linear(a, w, bias), a @ w.T + bias)
    torch.testing.assert_close(onednn_linear(a, w, None), a @ w.T)


def test_all_parameters_are_moved():
    parameters, gradients = [torch.ones(2), torch.ones(3)], [torch.ones(2), torch.full((3,), 2.0)]
    add_scaled_(parameters, gradients, -0.5)
    assert [p.tolist() for p in parameters] == [[0.5, 0.5], [0, 0, 0]]


HOOKS = {
    "forward": lambda m: m[0].register_forward_hook(lambda *_: None),
    "forward pre": lambda m: m[0].register_forward_pre_hook(lambda *_: None),
    "full backward": lambda m: m[0].register_full_backward_hook(lambda *_: None),
    "full backward pre": lambda m: m[0].register_full_backward_pre_hook(lambda *_: None),
    "on a parameter": lambda m: m[0].weight.register_hook(lambda g: g),
    "after accumulation": lambda m: m[0].weight.register_post_accumulate_grad_hook(lambda p: None),
    "on all modules, forward": lambda m: nn.modules.module.register_module_forward_hook(lambda *_: None),
    "on all modules, forward pre": lambda m: nn.modules.module.register_module_forward_pre_hook(lambda *_: None),
    "on all modules, backward": lambda m: nn.modules.module.register_module_full_backward_hook(lambda *_: None),
}


@pytest.mark.parametrize("register", HOOKS.values(), ids=HOOKS)
def test_every_hook_is_seen(register):
    network = nn.Sequential(nn.Linear(3, 2))
    assert not has_hooks(network)
    handle = register(network)
    assert has_hooks(network)
    handle.remove()
    assert not has_hooks(network)


OPTIMIZER_HOOKS = {
    "pre": lambda o: o.register_step_pre_hook(lambda *_: None),
    "post": lambda o: o.register_step_post_hook(lambda *_: None),
    "pre of all": lambda o: register_optimizer_step_pre_hook(lambda *_: None),
    "post of all": lambda o: register_optimizer_step_post_hook(lambda *_: None),
}


@pytest.mark.parametrize("register", OPTIMIZER_HOOKS.values(), ids=OPTIMIZER_HOOKS)
def test_every_hook_of_an_optimizer_is_seen(register):
    optimizer = torch.optim.SGD(nn.Linear(3, 2).parameters(), lr=1)
    assert not optimizer_has_hooks(optimizer)
    handle = register(optimizer)
    assert optimizer_has_hooks(optimizer)
    handle.remove()
    assert not optimizer_has_hooks(optimizer)


def test_schedulers_do_not_warn_of_a_step_that_was_announced():
    optimizer = torch.optim.SGD(nn.Linear(3, 2).parameters(), lr=1)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    announce_step(optimizer)
    scheduler.step()  # a warning is an error here
    other = torch.optim.lr_scheduler.ExponentialLR(torch.optim.SGD(nn.Linear(3, 2).parameters(), lr=1), 0.5)
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        other.step()


def test_allocations_are_seen_in_their_order():
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profiler:
        kept = torch.empty(1000)
        freed = torch.empty(3000)
        del freed
    assert allocations(profiler)[:3] == [4000, 12000, -12000]
    del kept
