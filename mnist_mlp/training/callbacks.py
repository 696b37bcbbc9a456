"""Callbacks that every training of an `MLPClassifier` needs."""

from functools import partial
from typing import Any, cast

import numpy as np
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar, RichProgressBar, TQDMProgressBar
from torch import Tensor
from typing_extensions import override

from mnist_mlp.bare_loop.after_step import limit_hidden_norms
from mnist_mlp.bare_loop.gradient_steps import Step
from mnist_mlp.bare_loop.threads import is_for_one_thread
from mnist_mlp.console.percent import percent
from mnist_mlp.data.device_loader import Block
from mnist_mlp.lightning_internals.step_counters import is_accumulating
from mnist_mlp.network.mlp import MLP

LIGHTNINGS = (RichProgressBar, TQDMProgressBar)


class ThreadChoice(Callback):
    """Train on one thread where that is faster, whatever the number of threads was before.

    Images are measured and drawn on one thread then, too: where other programs want the cores, a second one waits long.
    """

    def __init__(self) -> None:
        self._threads_before: int | None = None

    @override
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Choose, where the data module tells the size of a mini-batch."""
        size = getattr(getattr(trainer, "datamodule", None), "batch_size", None)
        if stage == "fit" and isinstance(size, int):
            self._choose(size, pl_module)

    @override
    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Choose, when the first mini-batch has shown its size."""
        if self._threads_before is None:
            self._choose(_images_in(batch), pl_module)

    def _choose(self, batch_size: int, model: LightningModule) -> None:
        self._threads_before = torch.get_num_threads()
        if batch_size and is_for_one_thread(batch_size, sum(p.numel() for p in model.parameters())):
            torch.set_num_threads(1)

    @override
    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if self._threads_before is not None:
            torch.set_num_threads(self._threads_before)
            self._threads_before = None

    @override
    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self.teardown(trainer, pl_module, "fit")


def _images_in(batch: Any) -> int:
    """The size of a mini-batch, one of those of a block; 0 of what only a subclass of `MLPClassifier` knows."""
    if isinstance(batch, Block):
        return batch.labels.shape[1]
    first = next(iter(batch), None) if isinstance(batch, list | tuple) else None
    return len(first) if isinstance(first, Tensor) else 0


class CalmOutput(Callback):
    """What Lightning shows of a training, with the results at its end, and without what is 0 or a folder's number.

    `mnist-mlp fit` has a progress bar and a last line of its own.
    """

    @override
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        bar: Any = trainer.progress_bar_callback
        if _is_lightnings(bar):
            bar.get_metrics = partial(_without_version, bar)
        mlp = cast(MLP, pl_module.mlp)
        # a subclass, or other layers, may take inputs of another shape
        if type(pl_module).__module__ == "mnist_mlp.training.classifier" and mlp.has_plain_layers:
            pl_module.example_input_array = torch.zeros(1, mlp.sizes[0], device=pl_module.device)  # else FLOPs are 0

    @override
    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Say the results of the last epoch, when the bar is gone."""
        values = {name: value.item() for name, value in trainer.callback_metrics.items() if "/" in name}
        if stage == "fit" and values and trainer.is_global_zero and _is_lightnings(trainer.progress_bar_callback):
            shown = (percent(x) if name.endswith("acc") else f"{x:.4f}" for name, x in values.items())
            print(", ".join(f"{name} {text}" for name, text in zip(values, shown, strict=True)))


def _is_lightnings(bar: ProgressBar | None) -> bool:
    return isinstance(bar, RichProgressBar | TQDMProgressBar) and type(bar) in LIGHTNINGS and bar.is_enabled


def _without_version(bar: ProgressBar, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
    shown = type(bar).get_metrics(bar, trainer, pl_module)
    return {name: value for name, value in shown.items() if name != "v_num"}


class NormLimit(Callback):
    """Shrink incoming weights that a step of Lightning's has made too long, before a checkpoint is written."""

    @override
    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        max_norm = cast(float | None, pl_module.max_norm)
        if max_norm and not is_accumulating(trainer):
            limit_hidden_norms(cast(MLP, pl_module.mlp), max_norm)


class MasksOfEachProcess(Callback):
    """Let each process of several drop other neurons: with one seed for all, all would drop the same.

    Its masks are drawn from (seed, process, epoch, mini-batch) alone, so that a run that is continued draws them again.
    """

    @override
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._seed = torch.initial_seed()

    @override
    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self._batch_idx = batch_idx
        self._seed_masks(trainer)

    def watch_steps(self, model: LightningModule, step: Step) -> Step:
        """A step of the bare loop, behind which the masks of the next mini-batch are seeded, if it draws any."""
        trainer, mlp = model.trainer, cast(MLP, model.mlp)
        if trainer.world_size == 1 or (mlp.has_plain_layers and not any(mlp.dropout_probabilities)):
            return step

        def seeding(x: Tensor, y: Tensor, z: Tensor) -> None:
            step(x, y, z)
            self._batch_idx += 1
            self._seed_masks(trainer)

        return seeding

    def _seed_masks(self, trainer: Trainer) -> None:
        if trainer.world_size > 1:
            numbers = [self._seed, trainer.global_rank, trainer.current_epoch, self._batch_idx]
            torch.manual_seed(np.random.SeedSequence(numbers).generate_state(1, np.uint64).item())
