"""A run that is continued with another optimizer or schedule: its rates are those of a run that had them all along."""

import warnings
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from torch.nn import Parameter
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from mnist_mlp.lightning_internals.cut_epochs import epochs_trained

Setting = dict[str, Any] | None  # class_path and init_args, or None for no scheduler


class Recipe(Protocol):
    """A model that knows how it is trained."""

    optimizer: Callable[[Iterable], Optimizer]
    scheduler: Callable[[Optimizer], LRScheduler] | None
    scheduler_interval: str

    def parameters(self) -> Iterable[Parameter]:
        """What is trained."""
        ...


def change_optimization(
    checkpoint: dict[str, Any], old: dict[str, Setting], new: dict[str, Setting], recipe: Recipe
) -> None:
    """Let the states of optimizer and scheduler in a checkpoint be those that the new settings lead to.

    A fresh scheduler is stepped as often as the run has stepped its own: what a scheduler derives from its settings is
    then right, too. Of the optimizer what it has gathered stays, such as velocities, if its class does.

    Args:
        checkpoint: What is loaded; changed in place.
        old: The settings of the run, the optimizer and the scheduler.
        new: Those that it is continued with.
        recipe: The model, made from the new settings.

    Raises:
        ValueError: if the new schedule is not known from its settings alone, or has ended before.
    """
    interval = checkpoint.get("hyper_parameters", {}).get("scheduler_interval", recipe.scheduler_interval)
    if old == new and interval == recipe.scheduler_interval:
        return
    optimizer = recipe.optimizer(recipe.parameters())
    groups = [group for state in checkpoint["optimizer_states"] for group in state["param_groups"]]
    scheduler = recipe.scheduler(optimizer) if recipe.scheduler else None
    if isinstance(scheduler, ReduceLROnPlateau):
        _check_plateau(old, new)
        for group, fresh in zip(groups, optimizer.param_groups, strict=True):
            fresh["lr"] = group["lr"]
    else:
        if scheduler:
            per_epoch = recipe.scheduler_interval == "epoch"
            _step(scheduler, epochs_trained(checkpoint) if per_epoch else checkpoint["global_step"], new)
        checkpoint["lr_schedulers"] = [scheduler.state_dict()] if scheduler else []
    if _class_of(old["optimizer"]) != _class_of(new["optimizer"]):
        checkpoint["optimizer_states"] = [optimizer.state_dict()]
        return
    for group, fresh in zip(groups, optimizer.param_groups, strict=True):
        group.update({name: value for name, value in fresh.items() if name != "params"})


def _step(scheduler: LRScheduler, steps: int, new: dict[str, Setting]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the optimizer has made no step
        try:
            for _ in range(steps):
                scheduler.step()
        except ValueError as error:
            raise ValueError(
                f"the schedule {_class_of(new['scheduler'])} has ended before step {steps}, where this run goes on "
                f"({error}); give it more steps"
            ) from error


def _check_plateau(old: dict[str, Setting], new: dict[str, Setting]) -> None:
    """See that a rate that depends on what was measured before is the one there was."""
    rates = [(each["optimizer"] or {}).get("init_args", {}).get("lr") for each in (old, new)]
    if old["scheduler"] != new["scheduler"] or rates[0] != rates[1]:
        raise ValueError(
            "model.scheduler must stay as it was, with the learning rate, where a run is continued with "
            "ReduceLROnPlateau, whose rates depend on what was measured before; the optimizer's other settings may "
            "change, or start a new run without --ckpt_path"
        )


def _class_of(setting: Setting) -> str | None:
    return setting["class_path"] if setting else None
