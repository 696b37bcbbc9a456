"""What Lightning's own callbacks do between mini-batches, as far as it stands in private attributes."""

from lightning import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.tuner.lr_finder import _LRCallback

LearningRateSearch = _LRCallback  # relies on the name of the callback by which `Tuner.lr_find` takes its steps


def saves_between_steps(callback: ModelCheckpoint) -> bool:
    """Whether checkpoints are written between mini-batches. Relies on `_every_n_train_steps`, which is 0 for none."""
    return callback._every_n_train_steps > 0


def rates_and_costs(trainer: Trainer) -> tuple[list[float], list[float]]:
    """What a search for a learning rate that was broken off has seen: the rates, and the smoothed costs with them.

    Relies on its callback's `lrs` and `losses`, and on its place among `trainer.callbacks`, where it stays.
    """
    search = next(each for each in trainer.callbacks if isinstance(each, LearningRateSearch))  # pyright: ignore[reportAttributeAccessIssue]
    return search.lrs[: len(search.losses)], search.losses
