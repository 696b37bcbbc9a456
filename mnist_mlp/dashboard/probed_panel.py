"""Panels that show what a network does on some images, which a forward and a backward pass tell to all of them."""

from collections.abc import Sequence
from typing import cast

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.utils.tensorboard.writer import SummaryWriter
from typing_extensions import override

from mnist_mlp.dashboard.panel import Panel, loader_of, writer_of
from mnist_mlp.network.evaluating import evaluating
from mnist_mlp.network.gradient_health import Probe, probe
from mnist_mlp.training.classifier import MLPClassifier

PROBED_IMAGES = 300


class ProbedPanel(Panel):
    """A panel that `EpochProbe` hands a probe of the network, before the first epoch and after each."""

    def show(self, seen: Probe, writer: SummaryWriter, trainer: Trainer, model: MLPClassifier) -> None:
        """Write what the probe has seen of the network as it is now."""
        raise NotImplementedError


class EpochProbe(Callback):
    """Probe the network on the first 300 images that train, undistorted: before the first epoch and after each.

    Args:
        panels: What shows the probe. It is made once for all of them.
    """

    def __init__(self, panels: Sequence[ProbedPanel]) -> None:
        self.panels = panels

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._images = first_images(trainer, cast(MLPClassifier, pl_module))
        if trainer.global_step == 0:
            self.on_train_epoch_end(trainer, pl_module)

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        writer, model = writer_of(trainer), cast(MLPClassifier, pl_module)
        if writer is None:
            return
        with evaluating(model):  # a weight that is parametrized may change by being looked at in training mode
            seen = probe(model.mlp, *self._images)
            for panel in self.panels:
                panel.show(seen, writer, trainer, model)


def first_images(trainer: Trainer, model: MLPClassifier) -> tuple[Tensor, Tensor]:
    """The first images that train, undistorted, as the network takes them, and their labels."""
    loader = loader_of(trainer)
    x, labels = loader.look_up(torch.arange(min(PROBED_IMAGES, len(loader.dataset)), device=model.device))
    return loader.normalized(x).to(next(model.mlp.parameters()).dtype), labels
