"""The contestants of `mnist-mlp benchmark`: one work, done by this project's `fit` and by what others would write.

Each is a class that is made once in a process of its own, with a workload, and whose `train(epochs)` starts a new
network and trains it on the first 50,000 images of MNIST, all in memory, with the accuracy on the last 10,000 after
each epoch. It returns the times at which the epochs ended, the first being the start, and the last accuracy.
"""

import logging
import os
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np
import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.nn import functional as F

from mnist_mlp.bare_loop.memory import keep_freed_memory
from mnist_mlp.bare_loop.threads import is_for_one_thread
from mnist_mlp.dashboard.panels import SWITCHED_OFF
from mnist_mlp.data.module import EVALUATION_BATCH_SIZE, MNISTDataModule
from mnist_mlp.equations.matrix_product import product
from mnist_mlp.fit.command import build


@dataclass(frozen=True)
class Workload:
    """A network and how it is trained: plain gradient descent in mini-batches."""

    name: str
    hidden_sizes: tuple[int, ...]
    activation: str
    cost: str
    initializer: str
    batch_size: int
    learning_rate: float

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of neurons of each layer, the inputs first."""
        return (784, *self.hidden_sizes, 10)

    @property
    def steps(self) -> int:
        """Mini-batches in an epoch."""
        return -(-50_000 // self.batch_size)

    def __str__(self) -> str:
        return f"{self.name}: {'-'.join(map(str, self.sizes))} {self.activation} {self.cost}, batch {self.batch_size}"


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("small", (30,), "sigmoid", "quadratic", "scaled", 10, 3.0),
        Workload("wide", (800,), "relu", "cross_entropy", "he", 100, 0.1),
        Workload("deep", (1024, 1024, 1024), "relu", "cross_entropy", "he", 128, 0.1),
    )
}

Result = tuple[list[float], float | None]


class Contestant(Protocol):
    """What trains a network for the benchmark."""

    def train(self, epochs: int) -> Result:
        """Train a new network; return when each epoch ended, after the start, in seconds, and the accuracy."""
        ...


class Images:
    """MNIST in memory, as floats."""

    def __init__(self, device: str = "cpu") -> None:
        data = MNISTDataModule()
        data.prepare_data()
        data.setup("fit")
        self.x, self.val_x = (part.images.to(device).float() / 255 for part in (data.train_images, data.val_images))
        self.labels, self.val_labels = (part.labels.to(device) for part in (data.train_images, data.val_images))
        self.values = torch.eye(10, device=device)


class Fit:
    """`mnist-mlp fit` with TensorBoard's curves, both checkpoints and the progress bar."""

    gradients = "manual"

    def __init__(self, workload: Workload, device: str) -> None:
        self.workload = workload
        self.device = device
        os.environ["FORCE_COLOR"] = "1"  # so that rich draws the progress bar, into nothing

    def train(self, epochs: int) -> Result:
        """As `Contestant`."""
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
        return clock.times, cli.trainer.callback_metrics["val/acc"].item()


class FitByAutograd(Fit):
    """The same with autograd's gradients."""

    gradients = "autograd"


class Clock(Callback):
    """Note when epochs start, and when the training ends, after its checkpoints."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.times: list[float] = []

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the time."""
        self.times.append(now(self.device))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the time."""
        self.times.append(now(self.device))


def now(device: str) -> float:
    """The time in seconds, when the device has done its work."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


class Loop:
    """A bare loop over mini-batches; what a step is, is for the subclasses to say."""

    def __init__(self, workload: Workload, device: str) -> None:
        self.workload = workload
        self.device = device
        self.images = Images(device)

    def start(self) -> tuple[Callable[[Tensor, Tensor], Any], Callable[[Tensor], Tensor]]:
        """What trains a new network on a mini-batch, and what feeds it forward."""
        raise NotImplementedError

    def train(self, epochs: int) -> Result:
        """As `Contestant`."""
        step, network = self.start()
        images, accuracy, times = self.images, 0.0, [now(self.device)]
        for _ in range(epochs):
            for indices in torch.randperm(len(images.x), device=self.device).split(self.workload.batch_size):
                step(images.x[indices], images.labels[indices])
            with torch.no_grad():
                predicted = torch.cat([network(x).argmax(1) for x in images.val_x.split(EVALUATION_BATCH_SIZE)])
            accuracy = (predicted == images.val_labels).float().mean().item()
            times.append(now(self.device))
        return times, accuracy


def sequential(workload: Workload) -> nn.Sequential:
    """The network, as torch's users write it."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(workload.sizes):
        linear = nn.Linear(n_in, n_out)
        if workload.initializer == "he":
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)
        else:
            nn.init.normal_(linear.weight, std=n_in**-0.5)
            nn.init.normal_(linear.bias)
        layers += [linear, nn.Sigmoid() if workload.activation == "sigmoid" else nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def torch_cost(workload: Workload, z: Tensor, labels: Tensor) -> Tensor:
    """The cost, as torch's users write it."""
    if workload.cost == "cross_entropy":
        return F.cross_entropy(z, labels)
    return (torch.sigmoid(z) - F.one_hot(labels, 10)).square().sum() / (2 * len(z))


class AutogradLoop(Loop):
    """A bare loop with autograd and `torch.optim`."""

    def start(self) -> tuple[Callable[[Tensor, Tensor], Any], Callable[[Tensor], Tensor]]:
        """As `Loop`."""
        network = sequential(self.workload).to(self.device)
        optimizer = torch.optim.SGD(network.parameters(), lr=self.workload.learning_rate)

        def step(x: Tensor, labels: Tensor) -> None:
            optimizer.zero_grad()
            torch_cost(self.workload, network(x), labels).backward()
            optimizer.step()

        return step, network


class HandWrittenLoop(Loop):
    """A bare loop with hand-written gradients, whose larger matrices are allocated once."""

    def start(self) -> tuple[Callable[[Tensor, Tensor], Any], Callable[[Tensor], Tensor]]:
        """As `Loop`."""
        network = sequential(self.workload).to(self.device)
        parameters = [p.detach() for p in network.parameters()]
        ws, bs = parameters[::2], parameters[1::2]
        gradients = [torch.empty_like(p) for p in parameters]
        sigmoid, squared = self.workload.activation == "sigmoid", self.workload.cost == "quadratic"
        made: dict[int, list[Tensor]] = {}

        @torch.no_grad()
        def step(x: Tensor, labels: Tensor) -> None:
            n = len(x)
            if n not in made:  # the last mini-batch may be smaller
                made[n] = [x.new_empty(n, width) for width in self.workload.sizes[1:] for _ in range(2)]
            activations, deltas = made[n][::2], made[n][1::2]
            a = x
            for w, b, z in zip(ws, bs, activations, strict=True):
                a = torch.addmm(b, a, w.T, out=z)
                if z is not activations[-1]:
                    torch.sigmoid(z, out=z) if sigmoid else z.relu_()
            a = torch.sigmoid(a, out=a) if squared else torch.softmax(a, 1, out=a)
            delta = torch.sub(a, self.images.values[labels], out=deltas[-1]).mul_(1 / n)
            if squared:
                delta.mul_(a).mul_(1 - a)
            for l in range(len(ws) - 1, -1, -1):
                torch.mm(delta.T, activations[l - 1] if l else x, out=gradients[2 * l])
                torch.sum(delta, 0, out=gradients[2 * l + 1])
                if l:
                    a = activations[l - 1]
                    delta = torch.mm(delta, ws[l], out=deltas[l - 1])
                    delta.mul_(a).mul_(1 - a) if sigmoid else delta.mul_(a > 0)
            torch._foreach_add_(parameters, gradients, alpha=-self.workload.learning_rate)  # pyright: ignore[reportPrivateImportUsage]

        return step, network


class Products(Loop):
    """The matrix products of that work and nothing else, by the library, on the threads and in the memory of `Fit`."""

    def train(self, epochs: int) -> Result:
        """As `Contestant`, with no accuracy: nothing is learnt."""
        threads, sizes, batch_size = torch.get_num_threads(), self.workload.sizes, self.workload.batch_size
        layers = range(len(sizes) - 1)
        ws = [torch.rand(n_out, n_in, device=self.device) for n_in, n_out in pairwise(sizes)]
        transposed, nablas = [w.T for w in ws], [torch.empty_like(w) for w in ws]
        a, val_a = (
            [torch.rand(n, width, device=self.device) for width in sizes] for n in (batch_size, EVALUATION_BATCH_SIZE)
        )
        deltas = [torch.rand_like(matrix) for matrix in a]
        deltas_transposed = [delta.T for delta in deltas]
        batches = [x for x in self.images.x.split(batch_size) if len(x) == batch_size]
        kept = list(nablas)
        keep_freed_memory()
        if is_for_one_thread(batch_size, sum(w.numel() for w in ws)):
            torch.set_num_threads(1)
        times = [now(self.device)]
        with torch.no_grad():
            for _ in range(epochs):
                for x in batches:
                    a[0] = x
                    for l in layers:
                        product(a[l], transposed[l], out=a[l + 1])
                    for l in layers:
                        kept[l] = product(deltas_transposed[l + 1], a[l], out=nablas[l])
                        if l > 0:
                            product(deltas[l + 1], ws[l], out=deltas[l])
                for x in self.images.val_x.split(EVALUATION_BATCH_SIZE):
                    val_a[0] = x
                    for l in layers:
                        product(val_a[l], transposed[l], out=val_a[l + 1])
                times.append(now(self.device))
        torch.set_num_threads(threads)
        return times, None


class IdiomaticLightning:
    """Lightning as its tutorials show it: torchvision's data set, a `DataLoader`, one step for each mini-batch."""

    def __init__(self, workload: Workload, device: str) -> None:
        from torch.utils.data import DataLoader, Subset
        from torchvision.datasets import MNIST
        from torchvision.transforms import ToTensor

        self.workload = workload
        self.device = device
        data = MNISTDataModule()
        data.prepare_data()
        images = MNIST(str(data.data_dir), train=True, transform=ToTensor())
        train, val = Subset(images, range(50_000)), Subset(images, range(50_000, 60_000))
        self.train_loader = DataLoader(train, batch_size=workload.batch_size, shuffle=True)
        self.val_loader = DataLoader(val, batch_size=EVALUATION_BATCH_SIZE)

    def train(self, epochs: int) -> Result:
        """As `Contestant`."""
        workload, clock = self.workload, Clock(self.device)

        class Classifier(LightningModule):
            def __init__(self) -> None:
                super().__init__()
                self.network = nn.Sequential(nn.Flatten(), sequential(workload))

            def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
                x, labels = batch
                loss = torch_cost(workload, self.network(x), labels)
                self.log("train_loss", loss)
                return loss

            def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
                x, labels = batch
                self.log("val_acc", (self.network(x).argmax(1) == labels).float().mean())

            def configure_optimizers(self) -> torch.optim.Optimizer:
                return torch.optim.SGD(self.parameters(), lr=workload.learning_rate)

        with TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            trainer = Trainer(
                accelerator=self.device, max_epochs=epochs, default_root_dir=folder, callbacks=[clock], devices=1
            )
            trainer.fit(Classifier(), self.train_loader, self.val_loader)
        return clock.times, trainer.callback_metrics["val_acc"].item()


class ScikitLearn:
    """scikit-learn's `MLPClassifier`, an epoch at a time. Its cost is always cross-entropy."""

    def __init__(self, workload: Workload, device: str) -> None:
        self.workload = workload
        images = Images()
        self.x, self.labels, self.val_x = images.x.numpy(), images.labels.numpy(), images.val_x.numpy()
        self.val_labels = images.val_labels.numpy()

    def train(self, epochs: int) -> Result:
        """As `Contestant`."""
        workload = self.workload
        network = import_module("sklearn.neural_network").MLPClassifier(
            workload.hidden_sizes,
            activation="logistic" if workload.activation == "sigmoid" else "relu",
            solver="sgd",
            alpha=0,
            batch_size=workload.batch_size,
            # cross-entropy's gradient lacks the factor sigma'(z), at most 1/4
            learning_rate_init=workload.learning_rate / (4 if workload.cost == "quadratic" else 1),
            momentum=0,
        )
        times, accuracy = [time.perf_counter()], 0.0
        for _ in range(epochs):
            network.partial_fit(self.x, self.labels, classes=np.arange(10))
            accuracy = float((network.predict(self.val_x) == self.val_labels).mean())
            times.append(time.perf_counter())
        return times, accuracy


class JaxScan:
    """JAX: an epoch is one compiled `scan`."""

    def __init__(self, workload: Workload, device: str) -> None:
        jax, jnp = import_module("jax"), import_module("jax.numpy")
        self.workload = workload
        images = Images()
        x, labels, val_x, self.val_labels = (
            jnp.asarray(t.numpy()) for t in (images.x, images.labels, images.val_x, images.val_labels)
        )

        def network(parameters: list[tuple[Any, Any]], x: Any) -> Any:
            for w, b in parameters[:-1]:
                z = x @ w + b
                x = jax.nn.sigmoid(z) if workload.activation == "sigmoid" else jax.nn.relu(z)
            w, b = parameters[-1]
            return x @ w + b

        def cost(parameters: list[tuple[Any, Any]], x: Any, labels: Any) -> Any:
            z, y = network(parameters, x), jax.nn.one_hot(labels, 10)
            if workload.cost == "cross_entropy":
                return -(y * jax.nn.log_softmax(z)).sum(1).mean()
            return jnp.square(jax.nn.sigmoid(z) - y).sum(1).mean() / 2

        def step(parameters: list[tuple[Any, Any]], indices: Any) -> tuple[Any, None]:
            gradients = jax.grad(cost)(parameters, x[indices], labels[indices])
            return jax.tree.map(lambda p, g: p - workload.learning_rate * g, parameters, gradients), None

        @jax.jit
        def epoch(parameters: list[tuple[Any, Any]], order: Any) -> tuple[Any, Any]:
            full = len(order) - len(order) % workload.batch_size
            parameters, _ = jax.lax.scan(step, parameters, order[:full].reshape(-1, workload.batch_size))
            if full < len(order):
                parameters, _ = step(parameters, order[full:])
            return parameters, (network(parameters, val_x).argmax(1) == self.val_labels).mean()

        self.epoch = epoch

    def train(self, epochs: int) -> Result:
        """As `Contestant`."""
        jnp = import_module("jax.numpy")
        network = sequential(self.workload)
        ws, bs = list(network.parameters())[::2], list(network.parameters())[1::2]
        parameters = [
            (jnp.asarray(w.detach().numpy().T), jnp.asarray(b.detach().numpy())) for w, b in zip(ws, bs, strict=True)
        ]
        times, accuracy = [time.perf_counter()], 0.0
        for _ in range(epochs):
            parameters, share = self.epoch(parameters, jnp.asarray(torch.randperm(50_000).numpy()))
            accuracy = float(share)
            times.append(time.perf_counter())
        return times, accuracy


class Keras:
    """Keras on JAX, with `steps_per_execution`."""

    steps_per_execution = 50

    def __init__(self, workload: Workload, device: str) -> None:
        os.environ.setdefault("KERAS_BACKEND", "jax")
        self.workload = workload
        images = Images()
        self.x, self.val_x = images.x.numpy(), images.val_x.numpy()
        self.y, self.val_y = (images.values[labels].numpy() for labels in (images.labels, images.val_labels))

    def train(self, epochs: int) -> Result:
        """As `Contestant`."""
        keras, workload = import_module("keras"), self.workload
        squared = workload.cost == "quadratic"
        weights = keras.initializers.HeNormal() if workload.initializer == "he" else keras.initializers.LecunNormal()
        biases = "zeros" if workload.initializer == "he" else keras.initializers.RandomNormal(stddev=1.0)
        layers = [keras.Input((784,))]
        layers += [
            keras.layers.Dense(n, activation, kernel_initializer=weights.clone(), bias_initializer=biases)
            for n, activation in [
                *((n, workload.activation) for n in workload.hidden_sizes),
                (10, "sigmoid" if squared else None),
            ]
        ]
        network = keras.Sequential(layers)
        network.compile(
            # Keras's mean over the ten outputs, and without the 1/2, is a fifth of the quadratic cost
            keras.optimizers.SGD(workload.learning_rate * (5 if squared else 1)),
            keras.losses.MeanSquaredError() if squared else keras.losses.CategoricalCrossentropy(from_logits=True),
            metrics=["categorical_accuracy"],
            steps_per_execution=self.steps_per_execution,
        )
        times = [time.perf_counter()]
        clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: times.append(time.perf_counter()))
        history = network.fit(
            self.x,
            self.y,
            workload.batch_size,
            epochs,
            verbose=0,
            callbacks=[clock],
            validation_data=(self.val_x, self.val_y),
            validation_batch_size=EVALUATION_BATCH_SIZE,
        )
        return times, history.history["val_categorical_accuracy"][-1]


CONTESTANTS: dict[str, Callable[[Workload, str], Contestant]] = {
    "our fit, manual": Fit,
    "our fit, autograd": FitByAutograd,
    "bare autograd loop": AutogradLoop,
    "bare hand-written loop": HandWrittenLoop,
    "idiomatic Lightning": IdiomaticLightning,
    "scikit-learn": ScikitLearn,
    "JAX scan": JaxScan,
    "Keras on JAX": Keras,
    "matrix products alone": Products,
}
NEEDS = {"JAX scan": ("jax",), "Keras on JAX": ("keras", "jax")}
ON_CPU_ONLY = ("scikit-learn", "JAX scan", "Keras on JAX")


def available(device: str) -> list[str]:
    """The contestants that are installed here and run on this device."""
    return [
        name
        for name in CONTESTANTS
        if all(find_spec(package) for package in NEEDS.get(name, ())) and not (device == "cuda" and name in ON_CPU_ONLY)
    ]


_contestant: Contestant | None = None


def run(name: str, workload: Workload, device: str, epochs: int) -> tuple[list[float], float | None, float]:
    """Let a contestant train, which is made at the first call in this process.

    Returns:
        The seconds of each epoch, the accuracy, and the peak memory of this process in MB.
    """
    import resource

    global _contestant
    warnings.filterwarnings("ignore")
    for logger in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    if _contestant is None:
        _contestant = CONTESTANTS[name](workload, device)
    times, accuracy = _contestant.train(epochs)
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [end - start for start, end in pairwise(times)], accuracy, megabytes
