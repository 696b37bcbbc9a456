"""Numbers that Lightning's Trainer or torch's schedulers take, and that make no sense."""

from typing import Any

AT_LEAST = {
    "accumulate_grad_batches": 1,
    "check_val_every_n_epoch": 1,
    "gradient_clip_val": 0,
    "log_every_n_steps": 0,
    "min_epochs": 0,
    "min_steps": 0,
    "num_nodes": 1,
}
COUNTS = ("step_size", "T_max", "T_0", "T_mult", "total_iters", "total_steps", "epochs", "steps_per_epoch")


def check_numbers(config: Any) -> None:
    """See that the numbers of the Trainer and of the scheduler make sense.

    Args:
        config: All settings of a session, by section.

    Raises:
        ValueError: if one does not.
    """
    for name, smallest in AT_LEAST.items():
        _check(f"trainer.{name}", config.trainer[name], smallest)
    if (interval := config.trainer.val_check_interval) in (0, 0.0):
        raise ValueError(f"trainer.val_check_interval must be larger than 0; got {interval}")
    if (scheduler := config.model.scheduler) and scheduler.class_path.endswith(".LRScheduler"):
        raise ValueError(
            f"model.scheduler must be one that can be made; got {scheduler.class_path}, which only says what all of "
            "them have in common: StepLR is one"
        )
    if scheduler:
        for name, value in (scheduler.get("init_args") or {}).items():
            if name != "last_epoch":  # -1 is torch's word for a new schedule
                _check(f"model.scheduler.init_args.{name}", value, 1 if name in COUNTS else 0)


def _check(name: str, value: Any, smallest: int) -> None:
    """See that a number is large enough, or all of a list; what is no number passes."""
    for number in value if isinstance(value, list | tuple) else [value]:
        if isinstance(number, int | float) and not number >= smallest:  # NaN is not, either
            raise ValueError(f"{name} must be at least {smallest}; got {number}")
