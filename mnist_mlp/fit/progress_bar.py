"""What `mnist-mlp fit` shows while it trains: a first line, and the progress bar."""

from collections.abc import Callable
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar
from typing_extensions import override

from mnist_mlp.lightning_internals.step_counters import batches_before


class FirstLine(Callback):
    """Print a line once the images were read, before the first of them trains.

    Args:
        describe: Says what is trained on what.
    """

    def __init__(self, describe: Callable[[], str]) -> None:
        self.describe = describe

    @override
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            print(self.describe())


class CalmProgressBar(RichProgressBar):
    """One line for all epochs, drawn anew ten times a second, without the number of the run's folder."""

    def __init__(self) -> None:
        super().__init__(refresh_rate=10)

    @override
    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        # batch_idx counts the blocks
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batches_before(trainer))

    @override
    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        return {name: value for name, value in super().get_metrics(trainer, pl_module).items() if name != "v_num"}
