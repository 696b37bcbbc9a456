"""This project: `mnist-mlp fit` with TensorBoard's curves, both checkpoints and the progress bar."""

import os
import time
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, Literal

from lightning import Callback, LightningModule, Trainer
from typing_extensions import override

from mnist_mlp.benchmark.contestant import Contestant, Training, now
from mnist_mlp.benchmark.workloads import Workload
from mnist_mlp.dashboard.panels import SWITCHED_OFF
from mnist_mlp.fit.command import build


class Fit(Contestant):
    """With hand-written gradients."""

    gradients: ClassVar[Literal["manual", "autograd"]] = "manual"

    def __init__(self, workload: Workload, device: str) -> None:
        super().__init__(workload, device)
        os.environ["FORCE_COLOR"] = "1"  # so that rich draws the progress bar, into nothing

    @override
    def train(self, epochs: int) -> Training:
        workload, clock = self.workload, Clock(self.device)
        with TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            cli = build(
                [
                    "fit",
                    f"--model.hidden_sizes={list(workload.hidden_sizes)}",
                    f"--model.activation={workload.activation}",
                    f"--model.cost={workload.cost}",
                    f"--model.initializer={workload.initializer}",
                    f"--model.gradients={self.gradients}",
                    "--model.optimizer=SGD",
                    f"--model.optimizer.lr={workload.learning_rate}",
                    f"--data.batch_size={workload.batch_size}",
                    "--data.steps_per_execution=auto",
                    f"--seed_everything={time.time_ns() % 2**32}",
                    f"--trainer.accelerator={self.device}",
                    f"--trainer.max_epochs={epochs}",
                    f"--trainer.default_root_dir={folder}",
                    *SWITCHED_OFF,
                ]
            )
            cli.trainer.callbacks.append(clock)  # pyright: ignore[reportAttributeAccessIssue]
            cli.execute()
        return Training(clock.times, cli.trainer.callback_metrics["val/acc"].item())


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
