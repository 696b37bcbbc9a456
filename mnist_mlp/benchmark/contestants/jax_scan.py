"""JAX: an epoch is one compiled `scan`."""

import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import torch
from typing_extensions import override

from mnist_mlp.benchmark.contestant import Contestant, Training
from mnist_mlp.benchmark.images import Images
from mnist_mlp.benchmark.plain_torch import sequential
from mnist_mlp.benchmark.workloads import Workload

Parameters = list[tuple[Any, Any]]  # weights of shape (n_in, n_out), and biases


class JaxScan(Contestant):
    """It starts from weights that torch draws."""

    packages = ("jax",)
    cpu_only = True

    def __init__(self, workload: Workload, device: str) -> None:
        super().__init__(workload, device)
        self.epoch = compiled_epoch(workload, Images())

    @override
    def train(self, epochs: int) -> Training:
        jnp = import_module("jax.numpy")
        numbers = [jnp.asarray(p.detach().numpy().T) for p in sequential(self.workload).parameters()]
        parameters = list(zip(numbers[::2], numbers[1::2], strict=True))
        times, accuracy = [time.perf_counter()], 0.0
        for _ in range(epochs):
            parameters, share = self.epoch(parameters, jnp.asarray(torch.randperm(50_000).numpy()))
            accuracy = float(share)
            times.append(time.perf_counter())
        return Training(times, accuracy)


def compiled_epoch(workload: Workload, images: Images) -> Callable[[Parameters, Any], tuple[Parameters, Any]]:
    """What trains parameters on the images in an order of their indices, and returns them and their accuracy."""
    jax, jnp = import_module("jax"), import_module("jax.numpy")
    x, labels, val_x, val_labels = (
        jnp.asarray(t.numpy()) for t in (images.x, images.labels, images.val_x, images.val_labels)
    )
    gradient = jax.grad(partial(jax_cost, workload))

    def step(parameters: Parameters, indices: Any) -> tuple[Parameters, None]:
        gradients = gradient(parameters, x[indices], labels[indices])
        return jax.tree.map(lambda p, g: p - workload.learning_rate * g, parameters, gradients), None

    @jax.jit
    def epoch(parameters: Parameters, order: Any) -> tuple[Parameters, Any]:
        full = len(order) - len(order) % workload.batch_size
        parameters, _ = jax.lax.scan(step, parameters, order[:full].reshape(-1, workload.batch_size))
        if full < len(order):
            parameters, _ = step(parameters, order[full:])
        return parameters, (weighted_inputs(workload, parameters, val_x).argmax(1) == val_labels).mean()

    return epoch


def weighted_inputs(workload: Workload, parameters: Parameters, x: Any) -> Any:
    """z^L of the images x."""
    jax = import_module("jax")
    activation = jax.nn.sigmoid if workload.activation == "sigmoid" else jax.nn.relu
    for w, b in parameters[:-1]:
        x = activation(x @ w + b)
    w, b = parameters[-1]
    return x @ w + b


def jax_cost(workload: Workload, parameters: Parameters, x: Any, labels: Any) -> Any:
    """The mean cost per sample."""
    jax, jnp = import_module("jax"), import_module("jax.numpy")
    z, y = weighted_inputs(workload, parameters, x), jax.nn.one_hot(labels, 10)
    if workload.cost == "cross_entropy":
        return -(y * jax.nn.log_softmax(z)).sum(1).mean()
    return jnp.square(jax.nn.sigmoid(z) - y).sum(1).mean() / 2
