"""What the gradient costs: forward and backward pass by hand and by autograd, over widths and depths."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, groupby
from statistics import median
from typing import Any

import torch
from rich.box import SIMPLE_HEAD
from rich.table import Table
from torch.nn import functional as F

from mnist_mlp.bare_loop.gradient_steps import ManualStep
from mnist_mlp.bare_loop.memory import keep_freed_memory
from mnist_mlp.benchmark.contestants import WORKLOADS, Workload, now, sequential, torch_cost
from mnist_mlp.network.mlp import MLP

WARM_UP_REPEATS = 5


@dataclass(frozen=True)
class GradientCost:
    """What the gradient of a mini-batch costs, in microseconds (medians) and bytes (the peak above the start)."""

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


def gradient_cost(workload: Workload, device: str, repeats: int) -> GradientCost:
    """Time the forward and the backward pass, by hand and by autograd, turn and turn about.

    Source: Austin, the AMS feature column on neural networks: the gradient costs at most four times the function.
    """
    keep_freed_memory()
    mlp = MLP(workload.sizes, workload.activation, workload.cost, workload.initializer, gradients="manual").to(device)
    network, n = sequential(workload).to(device), workload.batch_size
    x, labels = torch.rand(n, 784, device=device), torch.randint(10, (n,), device=device)
    y = F.one_hot(labels, 10).float()
    step, z = ManualStep(mlp, n), torch.empty(n, 10, device=device)
    times: tuple[list[float], ...] = ([], [], [], [])  # forward and backward, by hand and by autograd

    def manual() -> tuple[float, float, float]:
        mlp.zero_grad()
        with torch.no_grad():
            start = now(device)
            trace = step.forward(x, z)
            between = now(device)
            step.backward(y, z, trace)
            return start, between, now(device)

    def by_autograd() -> tuple[float, float, float]:
        network.zero_grad()
        start = now(device)
        loss = torch_cost(workload, network(x), labels)
        between = now(device)
        loss.backward()
        return start, between, now(device)

    for repeat in range(WARM_UP_REPEATS + repeats):
        for (forward, backward), measure in ((times[:2], manual), (times[2:], by_autograd)):
            start, between, end = measure()
            if repeat >= WARM_UP_REPEATS:
                forward.append(between - start)
                backward.append(end - between)

    def manual_twice() -> None:
        step = ManualStep(mlp, n)
        with torch.no_grad():
            step(x, y, z)
            step(x, y, z)

    def autograd_twice() -> None:
        by_autograd()
        by_autograd()

    mlp.zero_grad()
    network.zero_grad()
    manual_forward, manual_backward, autograd_forward, autograd_backward = (median(t) * 1e6 for t in times)
    return GradientCost(
        sizes=short(workload.sizes),
        batch_size=n,
        manual_forward=manual_forward,
        manual_backward=manual_backward,
        autograd_forward=autograd_forward,
        autograd_backward=autograd_backward,
        manual_bytes=peak_bytes(manual_twice, device),
        autograd_bytes=peak_bytes(autograd_twice, device),
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
    results: Any = profiler.profiler and profiler.profiler.kineto_results
    events = [event for event in results.events() if event.name() == "[memory]"]
    return max(accumulate(event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())))


def gradient_workloads() -> list[Workload]:
    """The three workloads, and widths and depths between."""
    between = [
        Workload(f"{width}x{depth}", (width,) * depth, "relu", "cross_entropy", "he", 100, 0.1)
        for width in (30, 100, 300, 1000)
        for depth in (1, 2, 4)
    ]
    return [*WORKLOADS.values(), *between]


def gradient_table(costs: list[GradientCost]) -> Table:
    """Times and ratios of each network."""
    table = Table(
        *("network", "batch", "forward", "backward", "ratio", "autograd: forward", "backward", "ratio"),
        *("time", "memory"),
        title="The cost of the gradient, in µs. ratio: (forward + backward) / forward; "
        "time: backward / autograd's; memory: peak / autograd's",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for cost in costs:
        table.add_row(
            cost.sizes,
            str(cost.batch_size),
            f"{cost.manual_forward:.0f}",
            f"{cost.manual_backward:.0f}",
            f"{cost.manual_ratio:.2f}",
            f"{cost.autograd_forward:.0f}",
            f"{cost.autograd_backward:.0f}",
            f"{cost.autograd_ratio:.2f}",
            f"{cost.manual_backward / cost.autograd_backward:.2f}",
            f"{cost.manual_bytes / cost.autograd_bytes:.2f}",
        )
    return table
