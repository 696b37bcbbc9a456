"""Keras on JAX, with `steps_per_execution`."""

import os
import time
from importlib import import_module
from typing import Any

from typing_extensions import override

from mnist_mlp.benchmark.contestant import Contestant, Training
from mnist_mlp.benchmark.images import Images
from mnist_mlp.benchmark.workloads import Workload
from mnist_mlp.data.module import EVALUATION_BATCH_SIZE

STEPS_PER_EXECUTION = 50


class KerasOnJax(Contestant):
    """It trains by `fit`."""

    packages = ("keras", "jax")
    cpu_only = True

    def __init__(self, workload: Workload, device: str) -> None:
        super().__init__(workload, device)
        os.environ.setdefault("KERAS_BACKEND", "jax")
        images = Images()
        self.x, self.val_x = images.x.numpy(), images.val_x.numpy()
        self.y, self.val_y = (images.values[labels].numpy() for labels in (images.labels, images.val_labels))

    @override
    def train(self, epochs: int) -> Training:
        network = compiled_network(self.workload)
        times = [time.perf_counter()]
        clock = import_module("keras").callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: times.append(time.perf_counter())
        )
        history = network.fit(
            self.x,
            self.y,
            self.workload.batch_size,
            epochs,
            verbose=0,
            callbacks=[clock],
            validation_data=(self.val_x, self.val_y),
            validation_batch_size=EVALUATION_BATCH_SIZE,
        )
        return Training(times, history.history["val_categorical_accuracy"][-1])


def compiled_network(workload: Workload) -> Any:
    """A new network with its optimizer and its cost."""
    keras = import_module("keras")
    squared = workload.cost == "quadratic"
    weights = keras.initializers.HeNormal() if workload.initializer == "he" else keras.initializers.LecunNormal()
    biases = "zeros" if workload.initializer == "he" else keras.initializers.RandomNormal(stddev=1.0)
    sizes = [*((n, workload.activation) for n in workload.hidden_sizes), (10, "sigmoid" if squared else None)]
    layers = [
        keras.layers.Dense(n, activation, kernel_initializer=weights.clone(), bias_initializer=biases)
        for n, activation in sizes
    ]
    network = keras.Sequential([keras.Input((784,)), *layers])
    network.compile(
        # Keras's mean over the ten outputs, and without the 1/2, is a fifth of the quadratic cost
        keras.optimizers.SGD(workload.learning_rate * (5 if squared else 1)),
        keras.losses.MeanSquaredError() if squared else keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["categorical_accuracy"],
        steps_per_execution=STEPS_PER_EXECUTION,
    )
    return network
