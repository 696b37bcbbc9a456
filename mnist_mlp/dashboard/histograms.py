"""Histograms of what each layer holds."""

from math import ceil

import torch
from lightning import Trainer
from torch import Tensor
from torch.utils.tensorboard.writer import SummaryWriter
from typing_extensions import override

from mnist_mlp.dashboard.probed_panel import ProbedPanel
from mnist_mlp.network.gradient_health import Probe
from mnist_mlp.training.classifier import MLPClassifier

BINS, COUNTED_VALUES = 64, 50_000


class Histograms(ProbedPanel):
    """Weights, activations and errors of each layer.

    A layer that was replaced by one without weights has no histogram of them.
    """

    @override
    def show(self, seen: Probe, writer: SummaryWriter, trainer: Trainer, model: MLPClassifier) -> None:
        weights = [getattr(layer, "weight", None) for layer in model.mlp.layers]
        kinds = {"weights": weights, "activations": seen.outputs, "deltas": seen.deltas}
        for kind, tensors in kinds.items():
            for layer, values in enumerate(tensors, start=1):
                if values is not None:
                    add_histogram(writer, f"{kind}/layer_{layer}", values.detach(), trainer.global_step)


def add_histogram(writer: SummaryWriter, tag: str, values: Tensor, step: int) -> None:
    """Write a histogram of the finite values, or of every k-th of many, counted by torch (see benchmark/README.md)."""
    values = values.flatten()[:: ceil(values.numel() / COUNTED_VALUES)].float().cpu()
    values = values[values.isfinite()]
    if len(values) == 0:
        return
    low, high = (bound.item() for bound in values.aminmax())
    counts = torch.histc(values, BINS, low, high)
    if low == high:
        counts, low, high = torch.tensor([float(values.numel())]), low - 0.5, high + 0.5
    limits = torch.linspace(low, high, len(counts) + 1, dtype=torch.float64)[1:]
    sums = values.sum().item(), values.square().sum().item()
    writer.add_histogram_raw(tag, low, high, values.numel(), *sums, limits.tolist(), counts.tolist(), step)
