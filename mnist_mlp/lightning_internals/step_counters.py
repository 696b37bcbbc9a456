"""How Lightning counts mini-batches, for mini-batches that it did not make itself."""

from lightning import Trainer


def batches_before(trainer: Trainer) -> int:
    """The mini-batches of this epoch before the present one. Relies on `fit_loop.epoch_loop.batch_idx`."""
    return trainer.fit_loop.epoch_loop.batch_idx


def count_steps(trainer: Trainer, steps: int) -> None:
    """Count mini-batches that a block made: batch_idx, global_step, the loggers' steps.

    Relies on `fit_loop.epoch_loop`: its `batch_progress`, whose `is_last_batch` ends the epoch, the progress of
    `automatic_optimization`, and `_batches_that_stepped`.
    """
    loop = trainer.fit_loop.epoch_loop
    loop.batch_progress.increment_by(steps)
    loop.batch_progress.is_last_batch = loop.batch_progress.current.ready >= trainer.num_training_batches
    loop.automatic_optimization.optim_progress.optimizer.step.increment_by(steps)
    loop._batches_that_stepped += steps


def steps_allowed(trainer: Trainer, steps: int) -> int:
    """How many of the next `steps` mini-batches the limits of the Trainer allow."""
    limits = [steps]
    if trainer.max_steps != -1:
        limits.append(trainer.max_steps - trainer.global_step)
    if trainer.num_training_batches != float("inf"):
        limits.append(int(trainer.num_training_batches) - batches_before(trainer))
    return min(limits)
