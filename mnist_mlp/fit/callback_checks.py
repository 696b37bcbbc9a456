"""Callbacks that do what a setting does already, and cannot do it here."""

from collections.abc import Iterable

from lightning import Callback
from lightning.pytorch.callbacks import LearningRateFinder


def check_callbacks(callbacks: Iterable[Callback]) -> None:
    """See that no callback looks for the learning rate.

    Raises:
        ValueError: if one does: Lightning's sets a number of the model, and here the optimizer has the rate.
    """
    if any(isinstance(each, LearningRateFinder) for each in callbacks):
        raise ValueError(
            "trainer.callbacks must be without LearningRateFinder, which sets the rate of a model and not that of its "
            "optimizer; use --lr_find suggest, or --lr_find train"
        )
