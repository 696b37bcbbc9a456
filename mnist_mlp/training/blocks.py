"""Blocks of mini-batches in Lightning: when they can be used, how long they are, and how their steps are counted."""

from typing import Any, Literal

import torch
from lightning import Callback, LightningModule, Trainer
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
from lightning.pytorch.tuner.lr_finder import _LRCallback
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch.optim import LBFGS

StepsPerExecution = int | Literal["auto"]

AUTO_BLOCK_IMAGES = 5000  # 16 MB of pixels; Lightning's half millisecond is then less than a tenth of a block
ONE_THREAD_PRODUCTS = 500_000  # multiply-adds of a mini-batch below which a second thread costs more than it does

GRADIENT_HOOKS = ("on_before_zero_grad", "on_before_backward", "on_after_backward", "on_before_optimizer_step")
MODULE_HOOKS = (*GRADIENT_HOOKS, "backward", "optimizer_step", "optimizer_zero_grad", "lr_scheduler_step")
NEED_SINGLE_STEPS = (OnExceptionCheckpoint, SpikeDetection, ThroughputMonitor, WeightAveraging, _LRCallback)


def steps_in_a_block(asked: StepsPerExecution, batch_size: int, trainer: Trainer | None) -> int:
    """How many mini-batches a block holds.

    Args:
        asked: What the user asked for. "auto" is 5,000 images' worth, or 1 where the Trainer's settings need single
            steps.
        batch_size: Images in a mini-batch.
        trainer: The trainer, if there is one yet.

    Raises:
        ValueError: if a number greater than 1 was asked for, and the Trainer's settings need single steps.
    """
    if asked == 1:
        return 1
    obstacle = trainer and obstacle_to_blocks(trainer)
    if asked == "auto":
        return 1 if obstacle else max(1, AUTO_BLOCK_IMAGES // batch_size)
    if obstacle:
        raise ValueError(f"{obstacle} needs mini-batches one by one; got steps_per_execution {asked}: use 1, or auto")
    return asked


def obstacle_to_blocks(trainer: Trainer) -> str | None:
    """What in the Trainer's settings needs every mini-batch to be a step of Lightning's own, or None.

    A callback of anyone's can say so by an attribute `needs_single_steps`, and does by a hook around the gradients.
    """
    obstacles = [
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
    obstacles += [(f"the hook {hook}", is_overridden(hook, trainer.lightning_module)) for hook in MODULE_HOOKS]
    for callback in trainer.callbacks:  # pyright: ignore[reportAttributeAccessIssue]
        name = f"the callback {type(callback).__name__}"
        obstacles.append((name, isinstance(callback, NEED_SINGLE_STEPS)))
        obstacles.append((name, getattr(callback, "needs_single_steps", False)))
        obstacles.append((name, any(is_overridden(hook, callback, Callback) for hook in GRADIENT_HOOKS)))
        if isinstance(callback, ModelCheckpoint):
            obstacles.append((f"{name} with every_n_train_steps", callback._every_n_train_steps > 0))
            obstacles.append((f"{name} with save_on_exception", callback.save_on_exception))
        if isinstance(callback, LearningRateMonitor):
            obstacles.append((f"{name} with logging_interval step", callback.logging_interval != "epoch"))
        if isinstance(callback, GradientAccumulationScheduler):
            obstacles.append((name, callback.going_to_accumulate_grad_batches()))
    return next((what for what, is_there in obstacles if is_there), None)


def steps_left(trainer: Trainer) -> int | None:
    """How many mini-batches the epoch has still to come, with the present one, or None if there is no limit."""
    loop = trainer.fit_loop.epoch_loop
    limits = []
    if trainer.max_steps != -1:
        limits.append(trainer.max_steps - trainer.global_step)
    if trainer.num_training_batches != float("inf"):
        limits.append(int(trainer.num_training_batches) - loop.batch_idx)
    return min(limits, default=None)


def count_steps(trainer: Trainer, steps: int) -> None:
    """Let Lightning count mini-batches that it did not make: batch_idx, global_step, the loggers' steps."""
    loop = trainer.fit_loop.epoch_loop
    loop.batch_progress.increment_by(steps)
    loop.batch_progress.is_last_batch = loop.batch_progress.current.ready >= trainer.num_training_batches
    loop.automatic_optimization.optim_progress.optimizer.step.increment_by(steps)
    loop._batches_that_stepped += steps


def is_for_one_thread(batch_size: int, parameters: int) -> bool:
    """Whether the matrices are so small that threads would mostly wait for each other."""
    return batch_size * parameters < ONE_THREAD_PRODUCTS


class ThreadChoice(Callback):
    """Train on one thread where that is faster, whatever the number of threads was before."""

    def __init__(self) -> None:
        self._threads_before: int | None = None

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Choose, when the first mini-batch has shown its size."""
        if self._threads_before is None:
            self._threads_before = torch.get_num_threads()
            if is_for_one_thread(batch[0].shape[-2], sum(p.numel() for p in pl_module.parameters())):
                torch.set_num_threads(1)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the threads back."""
        if self._threads_before is not None:
            torch.set_num_threads(self._threads_before)
            self._threads_before = None

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Give the threads back."""
        self.on_train_end(trainer, pl_module)
