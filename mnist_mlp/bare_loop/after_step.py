"""What follows the gradients of a mini-batch: exchange, clipping, update, schedule, the limit to the weights."""

from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, TypeGuard, cast

import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LRScheduler

from mnist_mlp.equations.penalties import limit_norms
from mnist_mlp.network.mlp import MLP
from mnist_mlp.network.stack import MLPStack
from mnist_mlp.torch_internals import add_scaled_, announce_step, optimizer_has_hooks

AfterStep = Callable[[], Any]


def after_each_step(
    network: MLP | MLPStack,
    optimizer: Optimizer | Sequence[Optimizer],
    schedulers: Sequence[LRScheduler] = (),
    clip: AfterStep | None = None,
    max_norm: float | None = None,
    exchange: AfterStep | None = None,
) -> list[AfterStep]:
    """What is called after the gradients of each mini-batch, in this order.

    Args:
        network: What is trained.
        optimizer: What updates its parameters, or one for each network of a stack.
        schedulers: Those that step after each mini-batch.
        clip: What clips the gradients, where they are clipped.
        max_norm: The largest norm of the incoming weights of a hidden neuron, where there is a limit.
        exchange: What makes the gradients the mean of those of all processes, where there are several.
    """
    moves_momentum = any(getattr(scheduler, "cycle_momentum", False) for scheduler in schedulers)
    calls = [call for call in (exchange, clip) if call]
    is_one = isinstance(network, MLP)
    needs_step = moves_momentum or (is_one and some_may_take_no_part(network, cast(Optimizer, optimizer)))
    update: Callable[[Optimizer], AfterStep] = attrgetter("step") if needs_step else update_of
    if isinstance(optimizer, Optimizer):
        calls.append(update(optimizer))
    else:
        calls.append(update_of_each(cast(MLPStack, network), [update(each) for each in optimizer]))
    calls += [scheduler.step for scheduler in schedulers]
    return [*calls, partial(limit_hidden_norms, network, max_norm)] if max_norm else calls


def some_may_take_no_part(mlp: MLP, optimizer: Optimizer) -> bool:
    """Whether a parameter of the optimizer may be left without a gradient, and is then to be passed over."""
    if not mlp.has_plain_layers:  # a hook may cut a layer off
        return True
    updated = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    return not updated <= {*map(id, (*mlp.weights, *mlp.biases))}


@torch.no_grad()
def limit_hidden_norms(network: MLP | MLPStack, max_norm: float) -> None:
    """Shrink, in place, the incoming weights of each hidden neuron to a Euclidean norm of at most max_norm.

    Raises:
        ValueError: if a weight is no parameter of its layer, but computed: what is written into it is lost.
    """
    for l, w in enumerate(network.weights[:-1]):
        if not isinstance(w, nn.Parameter):
            raise ValueError(
                f"max_norm must be left out where a weight is pruned or parametrized, and so computed anew for each "
                f"mini-batch; got max_norm {max_norm} and such a weight in layers[{l}]"
            )
        limit_norms(w, max_norm)


class Descent:
    """Plain gradient descent, w <- w - eta nabla_w, in one call.

    The same bits as `torch.optim.SGD`, without the hooks and checks of its `step`, which take four times as long.

    Args:
        optimizer: The optimizer, whose learning rates eta are those at the time of the call.
    """

    def __init__(self, optimizer: SGD) -> None:
        announce_step(optimizer)
        self.groups = [(group, [p.detach() for p in group["params"]]) for group in optimizer.param_groups]

    @property
    def learning_rates(self) -> tuple[float, ...]:
        """eta of each group."""
        return tuple(float(group["lr"]) for group, _ in self.groups)

    def __call__(self) -> None:
        """Make a step."""
        for (group, parameters), eta in zip(self.groups, self.learning_rates, strict=True):
            gradients = [p.grad for p in group["params"]]
            add_scaled_(parameters, gradients, -eta)


class DescentOfEach:
    """Plain gradient descent of the networks of a stack, each with its own eta, in one call for each parameter.

    Args:
        stack: The networks.
        descents: The descent of each alone, which tells its learning rate at the time of the call.
    """

    def __init__(self, stack: MLPStack, descents: Sequence[Descent]) -> None:
        self._descents = descents
        self._rates: list[float] = []
        self._parameters = [
            (p, p.detach(), torch.empty(len(p), *[1] * (p.dim() - 1)).to(p)) for p in stack.parameters()
        ]

    def __call__(self) -> None:
        """Make a step of all networks."""
        rates = [eta for descent in self._descents for eta in descent.learning_rates]
        if rates != self._rates:
            self._rates = rates
            for _, _, eta in self._parameters:
                eta.copy_(eta.new_tensor(rates).view_as(eta))
        for parameter, values, eta in self._parameters:
            values.addcmul_(cast(Tensor, parameter.grad), eta, value=-1)


class UpdateOfEach:
    """The update of each network of a stack by its own optimizer.

    Args:
        stack: The networks.
        updates: What updates the parameters of each, from their `grad`.
    """

    def __init__(self, stack: MLPStack, updates: Sequence[AfterStep]) -> None:
        own = zip(*([*mlp.weights, *mlp.biases] for mlp in stack.networks), strict=True)
        self._parameters = list(zip([*stack.weights, *stack.biases], own, strict=True))
        self._updates = updates

    def __call__(self) -> None:
        """Give each network its part of the gradients, and update it."""
        for stacked, own in self._parameters:
            for parameter, gradient in zip(own, cast(Tensor, stacked.grad).unbind(), strict=True):
                parameter.grad = gradient
        for update in self._updates:
            update()


def update_of_each(stack: MLPStack, updates: Sequence[AfterStep]) -> AfterStep:
    """What updates the networks of a stack: all in one call where each is updated by plain gradient descent."""
    return DescentOfEach(stack, updates) if _are_of_one_rate(updates) else UpdateOfEach(stack, updates)


def _are_of_one_rate(updates: Sequence[AfterStep]) -> TypeGuard[Sequence[Descent]]:
    return all(isinstance(update, Descent) and len(update.groups) == 1 for update in updates)


def update_of(optimizer: Optimizer) -> Callable[[], Any]:
    """What updates the parameters: `Descent` where the optimizer comes to it, else its `step`."""
    others = ("momentum", "weight_decay", "maximize", "differentiable", "fused")
    if type(optimizer) is not SGD or any(group[name] for group in optimizer.param_groups for name in others):
        return optimizer.step
    frozen = any(not parameter.requires_grad for group in optimizer.param_groups for parameter in group["params"])
    return optimizer.step if frozen or optimizer_has_hooks(optimizer) else Descent(optimizer)
