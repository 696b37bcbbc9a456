"""What is measured over an epoch."""

from typing import cast

from torch import Tensor
from torch.nn import Module
from torchmetrics import MeanMetric, Metric
from torchmetrics.classification import MulticlassAccuracy


class EpochMetrics(Module):
    """The mean cost per sample and the accuracy over an epoch."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        # "disable" would be faster, but it drops the weights too (torchmetrics 1.9). This never sees a NaN: what
        # trains, validates or tests stops at one.
        self.loss = MeanMetric(nan_strategy="ignore")
        self.acc = MulticlassAccuracy(num_classes, average="micro", validate_args=False)

    def update(self, cost: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Add samples: their mean cost, their logits (n, classes), and their labels (n,).

        For labels may stand values aimed at, (n, classes), such as smoothed or mixed labels: the largest is the class.
        """
        self.loss.update(cost.detach(), len(labels))
        if labels.is_floating_point():
            labels = labels.argmax(dim=1)
        self.acc.update(logits.detach(), labels)

    def values(self) -> dict[str, Tensor]:
        """The mean cost and the accuracy of what was added so far, in all processes; nothing where nothing was."""
        return {name: metric.compute() for name, metric in self._metrics() if metric.update_called}

    def reset(self) -> None:
        """Begin anew."""
        for _, metric in self._metrics():
            metric.reset()

    def sums(self) -> dict[str, dict[str, Tensor]]:
        """What was added so far in all processes, by metric and by the name of its sum. All of them have to call it."""
        sums = {}
        for name, metric in self._metrics():
            with metric.sync_context():
                sums[name] = cast(dict[str, Tensor], {**metric.metric_state})
        return sums

    def go_on_from(self, sums: dict[str, dict[str, Tensor]]) -> None:
        """Count what `sums` gave before as added."""
        for name, metric in self._metrics():
            for key, value in sums[name].items():
                setattr(metric, key, value.to(metric.device))

    def _metrics(self) -> tuple[tuple[str, Metric], ...]:
        return ("loss", self.loss), ("acc", self.acc)
