"""Numbers that Lightning or torch take, and that make no sense, or that they refuse without naming the setting."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from jsonargparse import Namespace
from lightning.pytorch.callbacks import Timer

from mnist_mlp.fit.settings import named_classes
from mnist_mlp.fit.yaml_text import BASE_60
from mnist_mlp.lightning_internals.parser_messages import NOT_FOR_DENSE

AT_LEAST = {
    "accumulate_grad_batches": 1,
    "check_val_every_n_epoch": 1,
    "gradient_clip_val": 0,
    "log_every_n_steps": 0,
    "min_epochs": 0,
    "min_steps": 0,
    "num_nodes": 1,
}
OF_CALLBACKS = ("patience", "min_delta", "refresh_rate", "annealing_epochs")  # 0 is the least
LARGEST = torch.finfo(torch.float32).max
LARGEST_COUNT = torch.iinfo(torch.int64).max
COUNTS = ("step_size", "T_max", "T_0", "T_mult", "total_iters", "total_steps", "epochs", "steps_per_epoch")


def check_numbers(config: Any) -> None:
    """See that the numbers of the Trainer, its callbacks, the optimizer and the scheduler make sense.

    Args:
        config: All settings of a session, by section.

    Raises:
        ValueError: if one does not.
    """
    for name, value in _numbers_in(config):
        what = LARGEST_COUNT if isinstance(value, int) else LARGEST
        is_limit = name.startswith("trainer.") and isinstance(value, float)  # which may be infinite
        if not (abs(value) <= what or is_limit):  # nor NaN
            raise ValueError(f"{name} must be a number of at most {float(what):.2g}; got {float(value):.4g}")
    _check_trainer(config.trainer)
    _check_optimization(config.model)


def check_typed_numbers(typed: Iterable[tuple[str, str]], config: Any) -> None:
    """See that no number was typed as one with base 60: 1:40, which YAML 1.1 takes for 100. A text may be such.

    Args:
        typed: The names of settings and what was typed for them.
        config: All settings of a session, by section.

    Raises:
        ValueError: if there is one.
    """
    numbers = {name.replace(".init_args", "") for name, _ in _numbers_in(config)}
    for name, text in typed:
        if BASE_60.fullmatch(text) and name.removesuffix("+").replace(".init_args", "") in numbers:
            raise ValueError(f"{name}: YAML takes {text} for a number with base 60; write it in decimal")


def check_seed(seed: Any) -> None:
    """See that all random generators take a seed.

    Raises:
        ValueError: if they do not.
    """
    if isinstance(seed, bool) or not 0 <= seed < 2**32:
        raise ValueError(f"seed_everything must be an integer of at least 0 and below 2**32; got {seed}")


def _check_trainer(trainer: Any) -> None:
    for name, smallest in AT_LEAST.items():
        _check(f"trainer.{name}", trainer[name], smallest)
    if trainer.max_epochs is None and trainer.max_steps == -1 and trainer.max_time is None:
        raise ValueError("trainer.max_epochs must be a number of epochs, or -1 for no limit; got null")
    if (interval := trainer.val_check_interval) in (0, 0.0):
        raise ValueError(f"trainer.val_check_interval must be larger than 0; got {interval}")
    try:
        Timer(trainer.max_time)
    except Exception as error:  # of whatever timedelta does not take
        sentence = "trainer.max_time must be days:hours:minutes:seconds, such as 00:01:30:00"
        raise ValueError(f"{sentence}; got {trainer.max_time!s:.80}") from error
    for callback in named_classes(trainer.callbacks):
        for name, value in (callback.get("init_args") or {}).items():
            if name in OF_CALLBACKS:
                _check(f"trainer.callbacks.init_args.{name}", value, 0)


def _check_optimization(model: Any) -> None:
    optimizer, scheduler = model.optimizer, model.scheduler
    if isinstance(optimizer, Namespace) and optimizer.class_path.rpartition(".")[2] in NOT_FOR_DENSE:
        raise ValueError(f"model.optimizer must be one for dense gradients, such as Adam; got {optimizer.class_path}")
    if isinstance(optimizer, Namespace) and (optimizer.get("init_args") or {}).get("differentiable"):
        raise ValueError(
            "model.optimizer.init_args.differentiable must be false: nothing differentiates through its steps"
        )
    if scheduler and scheduler.class_path.endswith(".LRScheduler"):
        raise ValueError(
            f"model.scheduler must be one that can be made; got {scheduler.class_path}, the base class of all "
            "schedulers: choose one of them, such as StepLR"
        )
    if scheduler:
        for name, value in (scheduler.get("init_args") or {}).items():
            if name != "last_epoch":  # -1 is torch's word for a new schedule
                _check(f"model.scheduler.init_args.{name}", value, 1 if name in COUNTS else 0)


def _numbers_in(settings: Any, name: str = "") -> Iterator[tuple[str, int | float]]:
    """All numbers within settings, with the names of their settings."""
    if isinstance(settings, Namespace | dict):
        for key, value in (vars(settings) if isinstance(settings, Namespace) else settings).items():
            yield from _numbers_in(value, f"{name}.{key}" if name else str(key))
    elif isinstance(settings, list | tuple):
        for value in settings:
            yield from _numbers_in(value, name)
    elif isinstance(settings, int | float) and not isinstance(settings, bool):
        yield name, settings


def _check(name: str, value: Any, smallest: int) -> None:
    """See that a number is large enough, or all of a list; what is no number passes."""
    for number in value if isinstance(value, list | tuple) else [value]:
        if isinstance(number, int | float) and not number >= smallest:  # NaN is not, either
            raise ValueError(f"{name} must be at least {smallest}; got {number}")
