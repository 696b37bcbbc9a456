"""scikit-learn's `MLPClassifier`, an epoch at a time. Its cost is always cross-entropy."""

import time
from importlib import import_module
from typing import Any

import numpy as np
from typing_extensions import override

from mnist_mlp.benchmark.contestant import Contestant, Training
from mnist_mlp.benchmark.images import Images
from mnist_mlp.benchmark.workloads import Workload


class ScikitLearn(Contestant):
    """It trains by `partial_fit`, which makes one epoch."""

    cpu_only = True

    def __init__(self, workload: Workload, device: str) -> None:
        super().__init__(workload, device)
        images = Images()
        self.x, self.labels, self.val_x = images.x.numpy(), images.labels.numpy(), images.val_x.numpy()
        self.val_labels = images.val_labels.numpy()

    @override
    def train(self, epochs: int) -> Training:
        network = new_classifier(self.workload)
        times, accuracy = [time.perf_counter()], 0.0
        for _ in range(epochs):
            network.partial_fit(self.x, self.labels, classes=np.arange(10))
            accuracy = float((network.predict(self.val_x) == self.val_labels).mean())
            times.append(time.perf_counter())
        return Training(times, accuracy)


def new_classifier(workload: Workload) -> Any:
    """Plain gradient descent, as far as scikit-learn has it."""
    return import_module("sklearn.neural_network").MLPClassifier(
        workload.hidden_sizes,
        activation="logistic" if workload.activation == "sigmoid" else "relu",
        solver="sgd",
        alpha=0,
        batch_size=workload.batch_size,
        # cross-entropy's gradient lacks the factor sigma'(z), at most 1/4
        learning_rate_init=workload.learning_rate / (4 if workload.cost == "quadratic" else 1),
        momentum=0,
    )
