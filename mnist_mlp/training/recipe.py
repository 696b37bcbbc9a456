"""How a network was trained, as a checkpoint tells it: the classes of optimizer and scheduler, and their arguments."""

import inspect
from collections.abc import Callable, Iterable
from copy import deepcopy
from functools import partial
from pkgutil import resolve_name
from types import NoneType
from typing import Any, NamedTuple

from lightning import Trainer
from lightning.pytorch.callbacks import StochasticWeightAveraging
from lightning.pytorch.cli import LRSchedulerCallable
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from mnist_mlp.lightning_internals.callback_list import callbacks_of
from mnist_mlp.plain_values import plain
from mnist_mlp.training.trust import check_classes

PLAIN = (bool, int, float, str, NoneType)


class Optimization(NamedTuple):
    """What makes an optimizer of parameters, and what makes a scheduler of the optimizer, if anything does."""

    optimizer: Callable[[Iterable], Optimizer]
    scheduler: LRSchedulerCallable | None


def recipe_of(optimization: Optimization) -> dict[str, Any] | None:
    """Classes and arguments, or None where one is neither a class nor a `functools.partial` of a class."""
    try:
        return {name: _written(value) for name, value in optimization._asdict().items()}
    except TypeError:
        return None


def _written(value: Any) -> Any:
    """A value as a checkpoint holds it.

    Raises:
        TypeError: if it is not made of classes and plain values.
    """
    value = plain(value)
    if isinstance(value, list | tuple):
        return type(value)(map(_written, value))
    kind, arguments = (value.func, value.keywords) if isinstance(value, partial) and not value.args else (value, {})
    if inspect.isclass(kind):
        named = {name: _written(each) for name, each in arguments.items()}
        return {"class_path": f"{kind.__module__}.{kind.__qualname__}", "init_args": named}
    if type(value) not in PLAIN:
        raise TypeError
    return value


def recipe_in(checkpoint: dict[str, Any]) -> dict[str, Any] | None:
    """What a checkpoint says of how it was trained, or None where it says nothing."""
    recipe = checkpoint.get("optimization") or {}
    return recipe if isinstance(recipe.get("optimizer"), dict) else None


def optimization_of(recipe: dict[str, Any]) -> Optimization:
    """What a recipe says.

    Raises:
        ValueError: if it names classes of other packages than torch, Lightning and this one.
    """
    check_classes(
        recipe, "the checkpoint", "give load_from_checkpoint the optimizer, and the scheduler if there is one"
    )
    return Optimization(_made(recipe["optimizer"]), _made(recipe.get("scheduler")))


def _made(value: Any) -> Any:
    """A value of a recipe, in which each class has its arguments bound."""
    if isinstance(value, dict) and "class_path" in value:
        arguments = {name: _made(each) for name, each in value.get("init_args", {}).items()}
        return partial(resolve_name(value["class_path"]), **arguments)
    return type(value)(map(_made, value)) if isinstance(value, list | tuple) else value


def check_states(checkpoint: dict[str, Any], trainer: Trainer) -> None:
    """See that the states of optimizer and scheduler in a checkpoint are of such as those of now.

    Args:
        checkpoint: What a training is continued from.
        trainer: What trains, its optimizers and schedulers made.

    Raises:
        ValueError: if they are of others: torch would stop at the first step, and Lightning leave a scheduler out.
    """
    for state, optimizer in zip(checkpoint.get("optimizer_states", []), trainer.optimizers, strict=False):
        twin = deepcopy(optimizer)
        twin.load_state_dict(state)  # an optimizer of torch's fills in what its older versions did not have
        if missing := sorted(set(optimizer.defaults) - set(twin.param_groups[0])):
            raise ValueError(
                f"the checkpoint is of another optimizer than {type(optimizer).__name__}, one without "
                f"{', '.join(missing)}; give the model the optimizer that it was trained with"
            )
    stored, made = len(checkpoint.get("lr_schedulers", [])), len(trainer.lr_scheduler_configs)
    averages = any(isinstance(each, StochasticWeightAveraging) for each in callbacks_of(trainer))
    if stored > made + averages:  # which brings a scheduler of its own later
        raise ValueError(
            f"the checkpoint has {stored} scheduler of the learning rate, and this training {made}; give the model the "
            "scheduler that it was trained with"
        )


def check_functions(scheduler: LRScheduler) -> None:
    """See that torch can write a scheduler into a checkpoint: it wants the attributes of the functions in it.

    Raises:
        ValueError: if one is built in, such as `math.exp`, which has none.
    """
    for function in getattr(scheduler, "lr_lambdas", []):
        if not hasattr(function, "__dict__"):
            name = function.__name__
            raise ValueError(
                f"{type(scheduler).__name__} must have functions that are written in Python; got the built-in {name}, "
                f"with which torch writes no checkpoint: give it lambda epoch: {name}(epoch)"
            )
