"""What Lightning's own callbacks do between mini-batches, as far as it stands in private attributes."""

from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.tuner.lr_finder import _LRCallback

LearningRateSearch = _LRCallback  # relies on the name of the callback by which `Tuner.lr_find` takes its steps


def saves_between_steps(callback: ModelCheckpoint) -> bool:
    """Whether checkpoints are written between mini-batches. Relies on `_every_n_train_steps`, which is 0 for none."""
    return callback._every_n_train_steps > 0
