"""What stands before the progress bar of an epoch."""

from lightning.pytorch.callbacks import RichProgressBar
from typing_extensions import override


class EpochsFromOne(RichProgressBar):
    """Count epochs from 1, as people do, where Lightning's bar says "Epoch 0/19" of the first of twenty.

    Relies on `RichProgressBar` asking `_get_train_description` what stands before the bar of an epoch.
    """

    @override
    def _get_train_description(self, current_epoch: int) -> str:
        epochs = self.trainer.max_epochs
        return f"epoch {current_epoch + 1}" + (f" of {epochs}" if epochs is not None and epochs > 0 else "")
