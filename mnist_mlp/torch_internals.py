"""Every touch of what torch does not publish, each with what it relies on.

Nothing here may fail silently when torch changes: `tests/test_torch_internals.py` says which name is gone.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

MODULE_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
OTHER_CALLS = ("forward", "_compiled_call_impl")  # what a module of its own has instead of its class's forward
PARAMETER_HOOKS = ("_backward_hooks", "_post_accumulate_grad_hooks")
OPTIMIZER_HOOKS = ("_optimizer_step_pre_hooks", "_optimizer_step_post_hooks")

# Relies on the operator that torch.compile makes of a linear layer on the CPU; builds without oneDNN lack it.
HAS_ONEDNN_LINEAR = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def onednn_linear(a: Tensor, w: Tensor, bias: Tensor | None) -> Tensor:
    """a @ w^T + bias by oneDNN. Relies on `torch.ops.mkldnn._linear_pointwise`, which has no gradient and no `out`."""
    return torch.ops.mkldnn._linear_pointwise(a, w, bias, "none", [], "")


def add_scaled_(parameters: Sequence[Tensor], gradients: Sequence[Tensor | None], scale: float) -> None:
    """Add scale times its gradient to each parameter, all in one call. Relies on `torch._foreach_add_`."""
    torch._foreach_add_(parameters, gradients, alpha=scale)  # pyright: ignore


def has_hooks(module: nn.Module) -> bool:
    """Whether calling a module, or its backward pass, does more than its maths. Relies on torch's tables of hooks."""
    of_parameters = any(getattr(p, table) for p in module.parameters() for table in PARAMETER_HOOKS)
    of_modules = any(getattr(each, table) for each in module.modules() for table in MODULE_HOOKS)
    return of_parameters or of_modules or all_modules_have_hooks()


def is_plain_linear(layer: nn.Module, n_in: int, n_out: int) -> bool:
    """Whether calling a layer is x @ weight^T + bias, of two parameters of its own, and nothing else.

    It is not where a layer was replaced or wrapped, its weight is pruned, parametrized, sharded or swapped for a call,
    or something listens to it. Relies on where a module keeps its hooks and parameters, and what `compile` leaves.
    """
    if type(layer) is not nn.Linear or layer.in_features != n_in or layer.out_features != n_out:
        return False
    own = layer.__dict__
    parameters = own["_parameters"]
    if type(parameters.get("weight")) is not nn.Parameter or type(parameters.get("bias")) is not nn.Parameter:
        return False
    return not any(own[table] for table in MODULE_HOOKS) and not any(name in own for name in OTHER_CALLS)


def all_modules_have_hooks() -> bool:
    """Whether a hook is registered for every module there is. Relies on `_has_any_global_hook`."""
    return bool(nn.modules.module._has_any_global_hook())


def is_traced(x: object) -> bool:
    """Whether x stands for values that can't be looked at now: code is traced, compiled, transformed or captured.

    So it is under torch.compile, torch.export, torch.jit.trace, torch.fx, torch.func and dispatch modes, while a CUDA
    graph is captured, and for tensors that are fake, quantized, on the meta device, or of a class of their own. Relies
    on `_are_functorch_transforms_active` and `_len_torch_dispatch_stack`.
    """
    if torch.compiler.is_compiling() or isinstance(x, torch.fx.Proxy):
        return True
    if not isinstance(x, Tensor):
        return False
    if (type(x) is not Tensor and type(x) is not nn.Parameter) or x.is_meta or x.is_quantized:
        return True
    transformed = torch._C._are_functorch_transforms_active() or torch._C._len_torch_dispatch_stack()
    if transformed or torch.jit.is_tracing():  # pyright: ignore[reportPrivateImportUsage]
        return True
    return x.is_cuda and torch.cuda.is_current_stream_capturing()


def optimizer_has_hooks(optimizer: Optimizer) -> bool:
    """Whether a step of this optimizer calls hooks. Relies on the tables of one optimizer's and of all optimizers'."""
    of_all = _global_optimizer_pre_hooks or _global_optimizer_post_hooks
    return bool(of_all) or any(getattr(optimizer, table) for table in OPTIMIZER_HOOKS)


def announce_step(optimizer: Optimizer) -> None:
    """Tell schedulers that an update is made without `optimizer.step`. Relies on `_opt_called`, or they warn."""
    optimizer._opt_called = True  # pyright: ignore[reportAttributeAccessIssue]


def allocations(profiler: torch.profiler.profile) -> list[int]:
    """The bytes of each allocation on the CPU in their order, negative where memory was freed.

    Relies on `profiler.profiler.kineto_results` and its events named "[memory]".
    """
    results: Any = profiler.profiler and profiler.profiler.kineto_results
    events = [event for event in results.events() if event.name() == "[memory]"]
    return [event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())]
