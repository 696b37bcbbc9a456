"""`mnist-mlp benchmark`: what a training costs, beside what others would write and the matrix products alone."""

import argparse
import json
import multiprocessing
import os
import platform
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from importlib import import_module
from math import floor, log10
from pathlib import Path
from statistics import mean, median
from typing import Any

import torch
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from mnist_mlp.benchmark import contestants
from mnist_mlp.benchmark.contestants import CONTESTANTS, WORKLOADS, Workload, available
from mnist_mlp.benchmark.dashboard_time import dashboard_cost
from mnist_mlp.benchmark.gradient_time import gradient_cost, gradient_table, gradient_workloads
from mnist_mlp.benchmark.start_up import start_up
from mnist_mlp.console.files import check_file, check_picture

LOOP, FLOOR = "bare autograd loop", "matrix products alone"
WARM_UP_EPOCHS = 1
TOLERANCE = 0.01  # of the accuracy, from the contestants' median; runs of `small` differ by half of that
TABLE_WIDTH = 110


@dataclass(frozen=True)
class Measurement:
    """What a contestant took for a workload.

    Attributes:
        seconds: Of an epoch, for each repeat.
        accuracies: On the validation images after the last epoch, for each repeat; none where nothing is learnt.
        megabytes: Peak memory of the process, with the interpreter, the libraries and the data.
    """

    workload: str
    contestant: str
    seconds: list[float]
    accuracies: list[float]
    megabytes: float


def compete(
    workload: Workload, names: list[str], device: str, epochs: int, repeats: int, say: Callable[[str], None]
) -> list[Measurement]:
    """Let the contestants train in turn, each in a process of its own, several times over.

    Args:
        workload: What is trained.
        names: Those of the contestants.
        device: cpu or cuda.
        epochs: Epochs of a run that count, after a warm-up epoch that does not.
        repeats: Runs of each contestant.
        say: What tells the user how far it is.
    """
    seconds: dict[str, list[float]] = {name: [] for name in names}
    accuracies: dict[str, list[float]] = {name: [] for name in names}
    megabytes = dict.fromkeys(names, 0.0)
    with ExitStack() as stack:
        spawn = multiprocessing.get_context("spawn")
        processes = {name: stack.enter_context(ProcessPoolExecutor(1, spawn)) for name in names}
        for repeat in range(repeats):
            for name, process in processes.items():
                say(f"{workload.name}: repeat {repeat + 1} of {repeats}, {name}")
                times, accuracy, megabytes[name] = process.submit(
                    contestants.run, name, workload, device, WARM_UP_EPOCHS + epochs
                ).result()
                seconds[name].append(mean(times[WARM_UP_EPOCHS:]))
                accuracies[name] += [] if accuracy is None else [accuracy]
    return [Measurement(workload.name, n, seconds[n], accuracies[n], megabytes[n]) for n in names]


def table_of(workload: Workload, measurements: list[Measurement]) -> Table:
    """Medians, ranges and ratios of one workload."""
    table = Table(
        "",
        *("s/epoch", "min - max", "µs/step", "/ bare loop", "/ products", "accuracy", "process MB"),
        title=str(workload),
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    medians = {m.contestant: median(m.seconds) for m in measurements}
    for m in measurements:
        seconds = medians[m.contestant]
        ratios = (f"{seconds / medians[other]:.2f}" if other in medians else "-" for other in (LOOP, FLOOR))
        table.add_row(
            m.contestant,
            f"{seconds:.3f}",
            f"{min(m.seconds):.3f} - {max(m.seconds):.3f}",
            f"{seconds / workload.steps * 1e6:.0f}",
            *ratios,
            f"{mean(m.accuracies):.2%}" if m.accuracies else "-",
            f"{m.megabytes:.0f}",
        )
    return table


def stragglers(measurements: list[Measurement]) -> list[str]:
    """Sentences on the contestants whose accuracy is not the others'."""
    reached = {m.contestant: mean(m.accuracies) for m in measurements if m.accuracies}
    middle = median(reached.values()) if reached else 0.0
    return [
        f"{name} reached {accuracy:.2%} where the median contestant reached {middle:.2%}: its time is of another work"
        for name, accuracy in reached.items()
        if not abs(accuracy - middle) <= TOLERANCE
    ]


def draw(measurements: list[Measurement], path: Path) -> None:
    """A bar chart of the seconds of an epoch, one panel for each workload: medians, with the range of the repeats."""
    names = list(dict.fromkeys(m.workload for m in measurements))
    figure = import_module("matplotlib.figure").Figure(figsize=(4.2 * len(names) + 1.6, 4.2), layout="constrained")
    for panel, (axes, name) in enumerate(zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True)):
        rows = [m for m in measurements if m.workload == name][::-1]
        middles = [median(m.seconds) for m in rows]
        ranges = [
            [middle - min(m.seconds) for middle, m in zip(middles, rows, strict=True)],
            [max(m.seconds) - middle for middle, m in zip(middles, rows, strict=True)],
        ]
        colours = [
            "#c44e52" if m.contestant.startswith("our") else "#b0b0b0" if m.contestant == FLOOR else "#4c72b0"
            for m in rows
        ]
        labels = [m.contestant for m in rows]
        axes.barh(labels, middles, xerr=ranges, color=colours, ecolor="#333333", capsize=2)
        axes.set_xscale("log")
        axes.set_xlim(10 ** floor(log10(min(middles))), max(max(m.seconds) for m in rows) * 4)
        for i, (middle, m) in enumerate(zip(middles, rows, strict=True)):
            axes.text(
                max(m.seconds) * 1.12,
                i,
                f"{middle:.2g} s" if middle < 10 else f"{middle:.0f} s",
                va="center",
                fontsize=9,
            )
        sizes = "-".join(map(str, WORKLOADS[name].sizes))
        axes.set_title(f"{name}: {sizes}, batch {WORKLOADS[name].batch_size}", fontsize=10)
        axes.set_xlabel("seconds per epoch (logarithmic)")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
        axes.spines[["top", "right"]].set_visible(False)
        if panel:
            axes.set_yticklabels([])
    figure.savefig(path, dpi=120)


def machine(device: str) -> str:
    """The processor, the threads, and the versions of what computes."""
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), name)
    if device == "cuda":
        name = torch.cuda.get_device_name()
    return f"{name}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}"


def run(args: list[str]) -> int:
    """Run `mnist-mlp benchmark`.

    Returns:
        The exit status: 0 if all contestants reach the same accuracy, else 1.

    Raises:
        ValueError: if a package that was asked for is not installed, or settings make no sense.
    """
    options = _checked(_parser().parse_args(args))
    console = Console()
    console.width = max(console.width, TABLE_WIDTH)
    console.print(machine(options.device), highlight=False)
    measurements: list[Measurement] = []
    sentences: list[str] = []
    results: list[dict[str, Any]]
    if options.start_up:
        parts, ratio = start_up(options.start_up, options.repeats)
        for part, seconds in parts.items():
            console.print(f"{seconds:6.2f} s  {part}", highlight=False)
        console.print(f"{ratio:6.2f}    times the import of torch and lightning alone", highlight=False)
        results = [{"parts": parts, "ratio": ratio}]
    elif options.dashboard:
        seconds = dashboard_cost(options.dashboard, options.repeats)
        for kind, taken in seconds.items():
            times = f"{median(taken):6.2f} s  {kind} the dashboard ({min(taken):.2f} - {max(taken):.2f})"
            console.print(times, highlight=False)
        ratio = median(seconds["with"]) / median(seconds["without"])
        console.print(f"{ratio:6.3f}    times as long with it", highlight=False)
        results = [{"seconds": seconds, "ratio": ratio}]
    elif options.gradients:
        costs = [gradient_cost(w, options.device, 40 * options.repeats) for w in gradient_workloads()]
        console.print(gradient_table(costs))
        results = [asdict(cost) for cost in costs]
    else:
        measurements, sentences = competition(options, console)
        results = [asdict(m) for m in measurements]
    if options.json:
        report = {"machine": machine(options.device), "results": results}
        options.json.write_text(json.dumps(report, indent=1, allow_nan=False))
    if options.chart:
        draw(measurements, options.chart)
    for sentence in sentences:
        console.print(sentence)
    return 1 if sentences else 0


def competition(options: argparse.Namespace, console: Console) -> tuple[list[Measurement], list[str]]:
    """Let all contestants compete in all workloads that were asked for: what they took, and who did another work."""
    measurements, sentences = [], []
    for name in options.workload:
        with console.status("") as line:
            measured = compete(
                WORKLOADS[name], options.contestant, options.device, options.epochs, options.repeats, line.update
            )
        console.print(table_of(WORKLOADS[name], measured))
        measurements += measured
        sentences += [f"{name}: {sentence}" for sentence in stragglers(measured)]
    return measurements, sentences


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "mnist-mlp benchmark",
        description="Time a training on MNIST beside what others would write, the contestants turn and turn about.",
    )
    parser.add_argument("--workload", action="append", choices=WORKLOADS, help="may be repeated (default: all three)")
    parser.add_argument(
        "--contestant", action="append", choices=CONTESTANTS, help="may be repeated (default: all that are installed)"
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="epochs of a run that count (default: 2)")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="runs of each contestant (default: 5)")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--gradients", action="store_true", help="time forward and backward passes instead")
    instead.add_argument("--start-up", metavar="CONFIG", help="time what happens before the first step of fit instead")
    instead.add_argument("--dashboard", metavar="CONFIG", help="time fit with its dashboard and without it instead")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write every measurement to this file")
    parser.add_argument("--chart", type=Path, metavar="PATH", help="draw a bar chart as PNG (needs matplotlib)")
    return parser


def _checked(options: argparse.Namespace) -> argparse.Namespace:
    """The options with their defaults filled in, before anything is measured."""
    instead = (name for name in ("start_up", "gradients", "dashboard") if getattr(options, name))
    other = next((f"--{name.replace('_', '-')}" for name in instead), None)
    for name in ("workload", "contestant", "epochs", "chart"):
        if other and getattr(options, name) is not None:
            raise ValueError(f"--{name} belongs to the contestants; got {other}, which has none: leave one of them out")
    options.epochs = 2 if options.epochs is None else options.epochs
    for name in ("epochs", "repeats"):
        if getattr(options, name) < 1:
            raise ValueError(f"{name} must be at least 1; got {getattr(options, name)}")
    if options.json:
        check_file("json", options.json)
    if options.chart:
        check_picture("chart", options.chart)
    if options.device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device cuda needs a CUDA device, and this machine has none; use --device cpu")
    installed = available(options.device)
    missing = [name for name in options.contestant or [] if name not in installed]
    if missing:
        raise ValueError(f"{missing[0]} is not installed, or not for this device: pip install 'mnist-mlp[bench]'")
    options.workload = list(dict.fromkeys(options.workload or WORKLOADS))
    options.contestant = list(dict.fromkeys(options.contestant or installed))
    return options
