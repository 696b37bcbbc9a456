"""How long the gradient takes: forward and backward pass by hand and by autograd, over widths and depths."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, groupby
from statistics import median
from typing import Any

import torch
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional as F
from typing_extensions import override

from mnist_mlp.bare_loop.gradient_steps import ManualStep
from mnist_mlp.bare_loop.memory import keep_freed_memory
from mnist_mlp.benchmark.contestant import now
from mnist_mlp.benchmark.plain_torch import sequential, torch_cost
from mnist_mlp.benchmark.workloads import WORKLOADS, Workload
from mnist_mlp.console.tables import plain_table
from mnist_mlp.network.mlp import MLP
from mnist_mlp.torch_internals import allocations

WARM_UP_REPEATS = 5


@dataclass(frozen=True)
class GradientTime:
    """What the gradient of a mini-batch takes, in microseconds (medians) and bytes (the peak above the start)."""

    sizes: str
    batch_size: int
    manual_forward: float
    manual_backward: float
    autograd_forward: float
    autograd_backward: float
    manual_bytes: int
    autograd_bytes: int

    @property
    def manual_ratio(self) -> float:
        """Forward and backward, by forward: at most 4, says Austin."""
        return (self.manual_forward + self.manual_backward) / self.manual_forward

    @property
    def autograd_ratio(self) -> float:
        """The same of autograd."""
        return (self.autograd_forward + self.autograd_backward) / self.autograd_forward


class Passes(ABC):
    """The forward and the backward pass over a mini-batch.

    Attributes:
        network: Holds the parameters, and after the backward pass their gradients.
    """

    network: nn.Module

    @abstractmethod
    def seconds(self) -> tuple[float, float]:
        """Let go of the gradients, and make both passes: the seconds of the forward, and of the backward pass."""

    @abstractmethod
    def twice(self) -> None:
        """Make both passes as a training makes them, for two steps."""


class ByHand(Passes):
    """The step that `fit` makes with hand-written gradients."""

    def __init__(self, workload: Workload, x: Tensor, labels: Tensor) -> None:
        architecture = (workload.sizes, workload.activation, workload.cost, workload.initializer)
        self.network = self.mlp = MLP(*architecture, gradients="manual").to(x.device)
        self.x, self.y, self.z = x, F.one_hot(labels, 10).float(), x.new_empty(len(x), 10)
        self.step = ManualStep(self.mlp, len(x), of_labels=True)

    @override
    @torch.no_grad()
    def seconds(self) -> tuple[float, float]:
        self.network.zero_grad()
        start = now(self.x.device.type)
        trace = self.step.forward(self.x, self.z)
        between = now(self.x.device.type)
        self.step.backward(self.y, self.z, trace)
        return between - start, now(self.x.device.type) - between

    @override
    @torch.no_grad()
    def twice(self) -> None:
        step = ManualStep(self.mlp, len(self.x), of_labels=True)
        step(self.x, self.y, self.z)
        step(self.x, self.y, self.z)


class ByAutograd(Passes):
    """The step that users of torch write."""

    def __init__(self, workload: Workload, x: Tensor, labels: Tensor) -> None:
        self.workload, self.x, self.labels = workload, x, labels
        self.network = sequential(workload).to(x.device)

    @override
    def seconds(self) -> tuple[float, float]:
        self.network.zero_grad()
        start = now(self.x.device.type)
        loss = torch_cost(self.workload, self.network(self.x), self.labels)
        between = now(self.x.device.type)
        loss.backward()
        return between - start, now(self.x.device.type) - between

    @override
    def twice(self) -> None:
        self.seconds()
        self.seconds()


def time_gradient(workload: Workload, device: str, repeats: int) -> GradientTime:
    """Time the forward and the backward pass, by hand and by autograd in alternation.

    Source: Austin, the AMS feature column on neural networks: the gradient costs at most four times the function.
    """
    keep_freed_memory()
    n = workload.batch_size
    x, labels = torch.rand(n, 784, device=device), torch.randint(10, (n,), device=device)
    both = (ByHand(workload, x, labels), ByAutograd(workload, x, labels))
    taken = [[passes.seconds() for passes in both] for _ in range(WARM_UP_REPEATS + repeats)][WARM_UP_REPEATS:]
    (manual_forward, manual_backward), (autograd_forward, autograd_backward) = (
        [median(seconds) * 1e6 for seconds in zip(*pairs, strict=True)] for pairs in zip(*taken, strict=True)
    )
    for passes in both:
        passes.network.zero_grad()
    return GradientTime(
        sizes=short(workload.sizes),
        batch_size=n,
        manual_forward=manual_forward,
        manual_backward=manual_backward,
        autograd_forward=autograd_forward,
        autograd_backward=autograd_backward,
        manual_bytes=peak_bytes(both[0].twice, device),
        autograd_bytes=peak_bytes(both[1].twice, device),
    )


def short(sizes: tuple[int, ...]) -> str:
    """784-30x2-10 for (784, 30, 30, 10)."""
    runs = [(n, len(list(same))) for n, same in groupby(sizes)]
    return "-".join(f"{n}x{times}" if times > 1 else f"{n}" for n, times in runs)


def peak_bytes(work: Callable[[], Any], device: str) -> int:
    """The most memory of tensors that the work has at one time, above what there was before."""
    if device == "cuda":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        work()
        return torch.cuda.max_memory_allocated() - before
    os.environ["KINETO_LOG_LEVEL"] = "99"  # the profiler is talkative
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profiler:
        kept = work()
    del kept
    return max(accumulate(allocations(profiler)))


def gradient_workloads() -> list[Workload]:
    """The three workloads, and widths and depths between."""
    between = [
        Workload(f"{width}x{depth}", (width,) * depth, "relu", "cross_entropy", "he", 100, 0.1)
        for width in (30, 100, 300, 1000)
        for depth in (1, 2, 4)
    ]
    return [*WORKLOADS.values(), *between]


def gradient_table(times: list[GradientTime]) -> Table:
    """Times and ratios of each network."""
    table = plain_table(
        *("network", "batch", "forward", "backward", "ratio", "autograd: forward", "backward", "ratio"),
        *("time", "memory"),
        title="The time of the gradient, in µs. ratio: (forward + backward) / forward; "
        "time: backward / autograd's; memory: peak / autograd's",
    )
    for each in times:
        table.add_row(
            each.sizes,
            str(each.batch_size),
            f"{each.manual_forward:.0f}",
            f"{each.manual_backward:.0f}",
            f"{each.manual_ratio:.2f}",
            f"{each.autograd_forward:.0f}",
            f"{each.autograd_backward:.0f}",
            f"{each.autograd_ratio:.2f}",
            f"{each.manual_backward / each.autograd_backward:.2f}",
            f"{each.manual_bytes / each.autograd_bytes:.2f}",
        )
    return table
