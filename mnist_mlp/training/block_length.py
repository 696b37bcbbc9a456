"""Blocks of mini-batches in Lightning: when they can be used, and how long they are."""

from lightning import Callback, Trainer
from lightning.pytorch.callbacks import (
    GradientAccumulationScheduler,
    LearningRateMonitor,
    ModelCheckpoint,
    OnExceptionCheckpoint,
    SpikeDetection,
    ThroughputMonitor,
    WeightAveraging,
)
from lightning.pytorch.plugins.precision import DoublePrecision, Precision
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch.optim import LBFGS

from mnist_mlp.data.module import StepsPerExecution
from mnist_mlp.lightning_internals.callback_list import callbacks_of
from mnist_mlp.lightning_internals.callback_settings import LearningRateSearch, saves_between_steps
from mnist_mlp.lightning_internals.step_counters import batches_before

AUTO_BLOCK_IMAGES = 5000  # 16 MB of pixels; Lightning's half millisecond is then less than a tenth of a block

GRADIENT_HOOKS = ("on_before_zero_grad", "on_before_backward", "on_after_backward", "on_before_optimizer_step")
MODULE_HOOKS = (*GRADIENT_HOOKS, "backward", "optimizer_step", "optimizer_zero_grad", "lr_scheduler_step")
NEED_SINGLE_STEPS = (OnExceptionCheckpoint, SpikeDetection, ThroughputMonitor, WeightAveraging, LearningRateSearch)


def steps_in_a_block(asked: StepsPerExecution, batch_size: int, trainer: Trainer) -> int:
    """How many mini-batches a block holds.

    Args:
        asked: What the user asked for. "auto" is 5,000 images' worth, or 1 where the Trainer's settings need single
            steps.
        batch_size: Images in a mini-batch.
        trainer: The trainer, whose optimizers and callbacks are there.

    Raises:
        ValueError: if a number greater than 1 was asked for, and the Trainer's settings need single steps.
    """
    if asked == 1:
        return 1
    obstacle = obstacle_to_blocks(trainer)
    if asked == "auto":
        return 1 if obstacle else max(1, AUTO_BLOCK_IMAGES // batch_size)
    if obstacle:
        raise ValueError(f"{obstacle} needs mini-batches one by one; got steps_per_execution {asked}: use 1, or auto")
    return asked


def obstacle_to_blocks(trainer: Trainer) -> str | None:
    """What in the Trainer's settings needs every mini-batch to be a step of Lightning's own, or None."""
    obstacles = _obstacles_in_settings(trainer)
    obstacles += [(f"the hook {hook}", is_overridden(hook, trainer.lightning_module)) for hook in MODULE_HOOKS]
    for callback in callbacks_of(trainer):
        obstacles += _obstacles_in_callback(callback)
    return next((what for what, is_there in obstacles if is_there), None)


def _obstacles_in_settings(trainer: Trainer) -> list[tuple[str, bool]]:
    return [
        ("training on several devices", trainer.world_size > 1),
        ("accumulate_grad_batches", trainer.accumulate_grad_batches != 1),
        (f"precision {trainer.precision}", type(trainer.precision_plugin) not in (Precision, DoublePrecision)),
        ("val_check_interval", trainer.val_check_interval != 1.0 or trainer.check_val_every_n_epoch is None),
        ("the optimizer LBFGS", any(isinstance(optimizer, LBFGS) for optimizer in trainer.optimizers)),
        (
            "ReduceLROnPlateau with scheduler_interval step",
            any(config.reduce_on_plateau and config.interval == "step" for config in trainer.lr_scheduler_configs),
        ),
    ]


def _obstacles_in_callback(callback: Callback) -> list[tuple[str, bool]]:
    """What a callback does between mini-batches.

    A hook around the gradients is an obstacle, unless the callback's attribute `needs_single_steps` says otherwise; and
    anyone's callback can say by it that it needs single steps.
    """
    name = f"the callback {type(callback).__name__}"
    hooks = any(is_overridden(hook, callback, Callback) for hook in GRADIENT_HOOKS)
    obstacles = [
        (name, isinstance(callback, NEED_SINGLE_STEPS)),
        (name, getattr(callback, "needs_single_steps", hooks)),
    ]
    if isinstance(callback, ModelCheckpoint):
        obstacles.append((f"{name} with every_n_train_steps", saves_between_steps(callback)))
        obstacles.append((f"{name} with save_on_exception", callback.save_on_exception))
    if isinstance(callback, LearningRateMonitor):
        obstacles.append((f"{name} with logging_interval step", callback.logging_interval != "epoch"))
    if isinstance(callback, GradientAccumulationScheduler):
        obstacles.append((name, callback.going_to_accumulate_grad_batches()))
    return obstacles


def steps_allowed(trainer: Trainer, steps: int) -> int:
    """How many of the next `steps` mini-batches the Trainer's limits allow."""
    limits = [steps]
    if trainer.max_steps != -1:
        limits.append(trainer.max_steps - trainer.global_step)
    if trainer.num_training_batches != float("inf"):
        limits.append(int(trainer.num_training_batches) - batches_before(trainer))
    return min(limits)
