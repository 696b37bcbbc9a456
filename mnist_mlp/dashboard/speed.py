"""How fast the training goes."""

import time

from lightning import LightningModule, Trainer
from typing_extensions import override

from mnist_mlp.dashboard.panel import Panel, loader_of


class Speed(Panel):
    """Learning rate, images a second, seconds of each epoch.

    The seconds of an epoch are those that it trains, without validation. Checkpoints hold the seconds of the whole
    training, so that a run that is continued adds to them.
    """

    results = ("time/training_seconds",)

    def __init__(self) -> None:
        self._seconds_before = 0.0
        self._training_started = time.perf_counter()  # until there is one

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        loader_of(trainer)  # refuses another at once
        self._training_started = time.perf_counter()
        # Lightning does not call this where a run is continued in the middle of an epoch.
        self.on_train_epoch_start(trainer, pl_module)

    @override
    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._epoch_started, self._first_step = time.perf_counter(), trainer.global_step

    @override
    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._validation_started = time.perf_counter()

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self._epoch_started += time.perf_counter() - self._validation_started

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        seconds = time.perf_counter() - self._epoch_started
        loader = loader_of(trainer)
        batches = (trainer.global_step - self._first_step) * trainer.accumulate_grad_batches
        images = min(batches * loader.batch_sampler.batch_size * trainer.world_size, len(loader.dataset))
        values = {"time/epoch_seconds": seconds, "time/images_per_second": images / seconds}
        rates = [group["lr"] for group in trainer.optimizers[0].param_groups]
        values |= {f"learning_rate/group_{i}" if i else "learning_rate": float(rate) for i, rate in enumerate(rates)}
        _log(trainer, values)

    @override
    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        _log(trainer, {"time/training_seconds": self._seconds()})

    @override
    def state_dict(self) -> dict[str, float]:
        return {"seconds": self._seconds()}

    @override
    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        self._seconds_before = state_dict["seconds"]

    def _seconds(self) -> float:
        return self._seconds_before + time.perf_counter() - self._training_started


def _log(trainer: Trainer, values: dict[str, float]) -> None:
    for logger in trainer.loggers:
        logger.log_metrics(values, trainer.global_step)
