"""This project: `mnist-mlp fit` with TensorBoard's curves, both checkpoints and the progress bar."""

import os
import time
from tempfile import TemporaryDirectory
from typing import ClassVar, Literal

from lightning import Callback, LightningModule, Trainer
from typing_extensions import override

from mnist_mlp.benchmark.contestant import Contestant, Training, now
from mnist_mlp.benchmark.workloads import Workload
from mnist_mlp.fit import prepare


class Fit(Contestant):
    """With hand-written gradients."""

    gradients: ClassVar[Literal["manual", "autograd"]] = "manual"

    def __init__(self, workload: Workload, device: str) -> None:
        super().__init__(workload, device)
        os.environ["FORCE_COLOR"] = "1"  # so that rich draws the progress bar, into nothing

    @override
    def train(self, epochs: int) -> Training:
        workload, clock = self.workload, Clock(self.device)
        sgd = {"class_path": "torch.optim.SGD", "init_args": {"lr": workload.learning_rate}}
        with TemporaryDirectory() as folder:
            session = prepare(
                model={
                    "hidden_sizes": list(workload.hidden_sizes),
                    "activation": workload.activation,
                    "cost": workload.cost,
                    "initializer": workload.initializer,
                    "gradients": self.gradients,
                    "optimizer": sgd,
                },
                data={"batch_size": workload.batch_size, "steps_per_execution": "auto"},
                seed_everything=time.time_ns() % 2**32,
                trainer={"accelerator": self.device, "max_epochs": epochs, "default_root_dir": folder},
                dashboard={"enabled": False},
                callbacks=[clock],
            )
            session.execute()
        return Training(clock.times, session.trainer.callback_metrics["val/acc"].item())


class FitByAutograd(Fit):
    """With autograd's gradients."""

    gradients = "autograd"


class Clock(Callback):
    """Notes when epochs start, and when the training ends, after its checkpoints."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.times: list[float] = []

    @override
    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.times.append(now(self.device))

    @override
    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.times.append(now(self.device))
