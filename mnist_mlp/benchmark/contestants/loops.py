"""Bare loops over mini-batches in torch, without Lightning."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from typing_extensions import override

from mnist_mlp.benchmark.contestant import Contestant, Training, now
from mnist_mlp.benchmark.images import Images
from mnist_mlp.benchmark.plain_torch import sequential, torch_cost
from mnist_mlp.benchmark.workloads import Workload
from mnist_mlp.data.module import EVALUATION_BATCH_SIZE
from mnist_mlp.torch_internals import add_scaled_


class Start(NamedTuple):
    """A new network, and how it is trained.

    Attributes:
        network: From images to the weighted inputs z^L.
        step: Trains the network on a mini-batch: images and labels.
    """

    network: nn.Module
    step: Callable[[Tensor, Tensor], Any]


class Loop(Contestant):
    """A bare loop; what a step is, is for the subclasses to say."""

    def __init__(self, workload: Workload, device: str) -> None:
        super().__init__(workload, device)
        self.images = Images(device)

    @abstractmethod
    def start(self) -> Start:
        """Make a new network."""

    @override
    def train(self, epochs: int) -> Training:
        network, step = self.start()
        images, accuracy, times = self.images, 0.0, [now(self.device)]
        for _ in range(epochs):
            for indices in torch.randperm(len(images.x), device=self.device).split(self.workload.batch_size):
                step(images.x[indices], images.labels[indices])
            with torch.no_grad():
                predicted = torch.cat([network(x).argmax(1) for x in images.val_x.split(EVALUATION_BATCH_SIZE)])
            accuracy = (predicted == images.val_labels).float().mean().item()
            times.append(now(self.device))
        return Training(times, accuracy)


class AutogradLoop(Loop):
    """With autograd and `torch.optim`."""

    @override
    def start(self) -> Start:
        network = sequential(self.workload).to(self.device)
        optimizer = torch.optim.SGD(network.parameters(), lr=self.workload.learning_rate)

        def step(x: Tensor, labels: Tensor) -> None:
            optimizer.zero_grad()
            torch_cost(self.workload, network(x), labels).backward()
            optimizer.step()

        return Start(network, step)


class HandWrittenLoop(Loop):
    """With hand-written gradients, whose larger matrices are allocated once."""

    @override
    def start(self) -> Start:
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
            add_scaled_(parameters, gradients, -self.workload.learning_rate)

        return Start(network, step)
