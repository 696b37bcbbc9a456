"""What this project uses of torch without torch's promise; each of these tests says which name is gone."""

import pytest
import torch
from torch import nn
from torch.func import grad, vmap
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.utils import parametrizations, prune
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils.flop_counter import FlopCounterMode

from mnist_mlp import torch_internals
from mnist_mlp.torch_internals import (
    add_scaled_,
    all_modules_have_hooks,
    allocations,
    announce_step,
    has_hooks,
    is_plain_linear,
    is_traced,
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


def test_a_hook_for_all_modules_is_seen():
    assert not all_modules_have_hooks()
    handle = nn.modules.module.register_module_forward_hook(lambda *_: None)
    assert all_modules_have_hooks()
    handle.remove()
    assert not all_modules_have_hooks()


class OtherLinear(nn.Linear):
    pass


def with_own_forward(layer):
    layer.forward = lambda a: a


def with_a_plain_tensor(layer):
    layer._parameters["weight"] = torch.ones(2, 3)  # what `functional_call` does for its time


NOT_PLAIN = {
    **{name: lambda layer, hook=hook: hook([layer]) for name, hook in HOOKS.items() if name[:2] not in ("on", "af")},
    "pruned": lambda layer: prune.l1_unstructured(layer, "weight", 1),
    "parametrized": parametrizations.weight_norm,
    "own forward": with_own_forward,
    "compiled": lambda layer: layer.compile(backend="eager"),
    "swapped": with_a_plain_tensor,
}


@pytest.mark.parametrize("change", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_a_linear_layer_is_not_plain_where_anything_has_a_hand_in_it(change):
    layer = nn.Linear(3, 2)
    assert is_plain_linear(layer, 3, 2)
    change(layer)
    assert not is_plain_linear(layer, 3, 2)


@pytest.mark.parametrize(
    "layer", [nn.Linear(4, 2), nn.Linear(3, 4), nn.Linear(3, 2, bias=False), OtherLinear(3, 2), nn.Identity()], ids=str
)
def test_another_layer_is_not_plain(layer):
    assert not is_plain_linear(layer, 3, 2)


class OwnTensor(torch.Tensor):
    pass


TRACED = {
    "compile": lambda look: torch.compile(look, backend="eager")(torch.ones(1)),
    "compile for a parameter": lambda look: torch.compile(look, backend="eager")(nn.Parameter(torch.ones(1))),
    "jit": lambda look: torch.jit.trace(look, torch.ones(1)),
    "fx": torch.fx.Tracer().trace,
    "make_fx": lambda look: make_fx(look)(torch.ones(1)),
    "vmap": lambda look: vmap(look)(torch.ones(1)),
    "grad": lambda look: grad(look)(torch.ones(())),
    "meta": lambda look: look(torch.ones(1, device="meta")),
    "quantized": lambda look: look(torch.quantize_per_tensor(torch.ones(1), 0.1, 0, torch.quint8)),
    "own class": lambda look: look(torch.ones(1).as_subclass(OwnTensor)),
}


@pytest.mark.parametrize("trace", TRACED.values(), ids=TRACED)
@pytest.mark.filterwarnings("ignore:.torch.jit.:FutureWarning", "ignore:torch.quantize_per_tensor:UserWarning")
def test_a_tensor_that_is_traced_is_known(trace):
    seen = []

    def look(x):
        seen.append(is_traced(x))
        return x.relu()

    trace(look)
    assert seen[0]


@pytest.mark.parametrize("x", [torch.ones(1), torch.ones(1).cos().requires_grad_(), nn.Parameter(torch.ones(1)), [1.0]])
def test_a_tensor_with_values_is_not_traced(x):
    assert not is_traced(x)
    with torch.device("meta"), torch.autocast("cpu"), torch.inference_mode():
        assert not is_traced(x)
    with FlopCounterMode(display=False):
        assert is_traced(x) == isinstance(x, torch.Tensor)


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
