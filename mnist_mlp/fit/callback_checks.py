"""Callbacks that cannot do here what they are for."""

from collections.abc import Sequence
from importlib.util import find_spec

from lightning import Callback
from lightning.pytorch.callbacks import DeviceStatsMonitor, LearningRateFinder


def check_callbacks(callbacks: Sequence[Callback]) -> None:
    """See that no callback looks for the learning rate, or needs a package that is missing.

    Raises:
        ValueError: if one does: Lightning's sets a number of the model, and here the optimizer has the rate.
    """
    if any(isinstance(each, DeviceStatsMonitor) for each in callbacks) and not find_spec("psutil"):
        raise ValueError("trainer.callbacks: DeviceStatsMonitor needs the package psutil; install it, or leave it out")
    if any(isinstance(each, LearningRateFinder) for each in callbacks):
        raise ValueError(
            "trainer.callbacks must be without LearningRateFinder, which sets the rate of a model and not that of its "
            "optimizer; use --lr_find suggest, or --lr_find train"
        )
