"""How Lightning counts mini-batches, for mini-batches that it did not make itself."""

from lightning import Trainer


def batches_before(trainer: Trainer) -> int:
    """The mini-batches of this epoch before the present one. Relies on `fit_loop.epoch_loop.batch_idx`."""
    return trainer.fit_loop.epoch_loop.batch_idx


def count_batches(trainer: Trainer, batches: int) -> None:
    """Count mini-batches that a block makes: batch_idx.

    Call it in `on_train_batch_start`: Lightning then asks whether the last one ends an accumulation, or the epoch.

    Relies on `fit_loop.epoch_loop.batch_progress`, whose `is_last_batch` ends the epoch.
    """
    progress = trainer.fit_loop.epoch_loop.batch_progress
    progress.increment_by(batches)
    progress.is_last_batch = progress.current.ready >= trainer.num_training_batches


def count_updates(trainer: Trainer, updates: int) -> None:
    """Count updates of the parameters that a block has made: global_step, the loggers' steps.

    Relies on `fit_loop.epoch_loop`: the progress of its `automatic_optimization`, and `_batches_that_stepped`.
    """
    loop = trainer.fit_loop.epoch_loop
    loop.automatic_optimization.optim_progress.optimizer.step.increment_by(updates)
    loop._batches_that_stepped += updates


def batches_allowed(trainer: Trainer, batches: int) -> int:
    """How many of the next so many mini-batches the limits of the Trainer allow."""
    limits, before, accumulated = [batches], batches_before(trainer), trainer.accumulate_grad_batches
    if trainer.max_steps != -1:
        limits.append((trainer.max_steps - trainer.global_step) * accumulated - before % accumulated)
    if trainer.num_training_batches != float("inf"):
        limits.append(int(trainer.num_training_batches) - before)
    return min(limits)


def is_accumulating(trainer: Trainer) -> bool:
    """Whether the present mini-batch only adds to the gradients. Relies on `fit_loop.epoch_loop._should_accumulate`."""
    return trainer.fit_loop.epoch_loop._should_accumulate()
