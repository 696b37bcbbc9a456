"""How Lightning remembers, in a checkpoint, an epoch that was cut short."""

from typing import Any

from lightning import Trainer

from mnist_mlp.lightning_internals.step_counters import is_accumulating


def is_inside_an_epoch(trainer: Trainer) -> bool:
    """Whether mini-batches of this epoch were trained on, and others are left.

    Relies on `fit_loop.epoch_loop.batch_progress`, whose `is_last_batch` says it of a loader without a length.
    """
    progress = trainer.fit_loop.epoch_loop.batch_progress
    return 0 < progress.current.ready < trainer.num_training_batches and not progress.is_last_batch


def go_on_within_the_epoch(trainer: Trainer, loops: dict[str, Any]) -> bool:
    """Let a run that is continued train on the rest of an epoch that a limit, such as max_steps, has cut short.

    Lightning writes the checkpoint of such an epoch as that of a whole one, whose rest is then never trained on. Its
    state of the loops is made here what it is when a checkpoint is written after a mini-batch.

    Relies on the keys `epoch_progress`, `epoch_loop.batch_progress` and `epoch_loop.state_dict` of `fit_loop`, and on
    what they count.

    Args:
        trainer: What trains.
        loops: The state of its loops, as the checkpoint holds it; changed in place.

    Returns:
        Whether a limit has cut the epoch short.
    """
    state = loops["fit_loop"]
    epochs, batches = state["epoch_progress"], state["epoch_loop.batch_progress"]
    at_its_end = epochs["total"]["processed"] == epochs["total"]["started"]
    if not at_its_end or not is_inside_an_epoch(trainer):
        return False
    for count in ("total", "current"):
        epochs[count]["processed"] -= 1
        batches[count]["completed"] -= 1
    if not is_accumulating(trainer):
        state["epoch_loop.state_dict"]["_batches_that_stepped"] -= 1
    return True


def begin_the_next_epoch(trainer: Trainer) -> None:
    """Let a run that is continued from the end of an epoch not end this epoch once more.

    Lightning does so where `max_steps` is given: it logs without having trained, and counts an epoch too many.

    Relies on `fit_loop.restarted_on_epoch_end`, on `restarting` and `reset_restart_stage` of the loops, and on
    `fit_loop._restarting`, which `restarting` does not set where there is `max_steps`.
    """
    fit_loop, epoch_loop = trainer.fit_loop, trainer.fit_loop.epoch_loop
    if not fit_loop.restarted_on_epoch_end or is_inside_an_epoch(trainer):
        return
    fit_loop.epoch_progress.increment_completed()
    fit_loop._restarting = False
    epoch_loop.restarting = False
    fit_loop.reset_restart_stage()
    epoch_loop.reset_restart_stage()


def is_at_the_end_of_an_epoch(checkpoint: dict[str, Any]) -> bool:
    """Whether a checkpoint was written after the last mini-batch of an epoch.

    Relies on its key `is_last_batch` in `loops.fit_loop.epoch_loop.batch_progress`.
    """
    return checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]["is_last_batch"]


def epochs_trained(checkpoint: dict[str, Any]) -> int:
    """How many whole epochs of mini-batches were trained on before a checkpoint was written."""
    return checkpoint["epoch"] + is_at_the_end_of_an_epoch(checkpoint)
