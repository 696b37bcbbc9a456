"""`mnist-mlp benchmark`: how long a training takes, beside what others would write and the matrix products alone."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console

from mnist_mlp.benchmark.chart import draw
from mnist_mlp.benchmark.competition import Measurement, compete, stragglers
from mnist_mlp.benchmark.contestants import CONTESTANTS, available
from mnist_mlp.benchmark.dashboard_time import time_dashboard
from mnist_mlp.benchmark.gradient_time import gradient_table, gradient_workloads, time_gradient
from mnist_mlp.benchmark.machine import machine
from mnist_mlp.benchmark.start_up import time_start_up
from mnist_mlp.benchmark.table import table_of
from mnist_mlp.benchmark.workloads import WORKLOADS
from mnist_mlp.console.command_parser import CommandParser
from mnist_mlp.console.devices import check_cuda
from mnist_mlp.console.files import check_file, check_picture, replaced_at_once
from mnist_mlp.console.tables import wide_console
from mnist_mlp.fit.settings import read_settings

TABLE_WIDTH = 110

Results = list[dict[str, Any]]  # as they stand in the JSON file


def run(args: list[str]) -> int:
    """Run `mnist-mlp benchmark`.

    Returns:
        The exit status: 0 if all contestants reach the same accuracy, else 1.

    Raises:
        ValueError: if a package that was asked for is not installed, or settings make no sense.
    """
    options = _checked(_parser().parse_args(args))
    console = wide_console(TABLE_WIDTH)
    console.print(machine(options.device), highlight=False)
    measurements: list[Measurement] = []
    if options.start_up:
        results = _start_up(options, console)
    elif options.dashboard:
        results = _dashboard(options, console)
    elif options.gradients:
        results = _gradients(options, console)
    else:
        measurements = _competition(options, console)
        results = [asdict(measurement) for measurement in measurements]
    if options.json:
        report = {"machine": machine(options.device), "results": results}
        with replaced_at_once(options.json) as part:
            part.write_text(json.dumps(report, indent=1, allow_nan=False))
    if options.chart:
        draw(measurements, options.chart)
    sentences = [
        f"{name}: {sentence}"
        for name in options.workload
        for sentence in stragglers([measurement for measurement in measurements if measurement.workload == name])
    ]
    for sentence in sentences:
        console.print(sentence)
    return 1 if sentences else 0


def _start_up(options: argparse.Namespace, console: Console) -> Results:
    parts, ratio = time_start_up(options.start_up, options.repeats)
    for part, seconds in parts.items():
        console.print(f"{seconds:6.2f} s  {part}", highlight=False)
    console.print(f"{ratio:6.2f}    times the import of torch and lightning alone", highlight=False)
    return [{"parts": parts, "ratio": ratio}]


def _dashboard(options: argparse.Namespace, console: Console) -> Results:
    seconds = time_dashboard(options.dashboard, options.repeats)
    for kind, taken in seconds.items():
        times = f"{median(taken):6.2f} s  {kind} the dashboard ({min(taken):.2f} - {max(taken):.2f})"
        console.print(times, highlight=False)
    ratio = median(seconds["with"]) / median(seconds["without"])
    console.print(f"{ratio:6.3f}    times as long with it", highlight=False)
    return [{"seconds": seconds, "ratio": ratio}]


def _gradients(options: argparse.Namespace, console: Console) -> Results:
    times = [time_gradient(workload, options.device, 40 * options.repeats) for workload in gradient_workloads()]
    console.print(gradient_table(times))
    return [asdict(each) for each in times]


def _competition(options: argparse.Namespace, console: Console) -> list[Measurement]:
    measurements = []
    for name in options.workload:
        with console.status("") as line:
            measured = compete(
                WORKLOADS[name], options.contestant, options.device, options.epochs, options.repeats, line.update
            )
        console.print(table_of(WORKLOADS[name], measured))
        measurements += measured
    return measurements


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        "mnist-mlp benchmark",
        description="Time a training on MNIST beside what others would write: the contestants take turns.",
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
    parser.add_argument("--chart", type=Path, metavar="PATH", help="draw the table as PNG (needs matplotlib)")
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
    for config in filter(None, (options.start_up, options.dashboard)):
        read_settings(Path(config))
    if options.json:
        check_file("json", options.json)
    if options.chart:
        check_picture("chart", options.chart)
    check_cuda("device", options.device)
    installed = available(options.device)
    missing = [name for name in options.contestant or [] if name not in installed]
    if missing:
        raise ValueError(f"{missing[0]} is not installed, or not for this device: pip install 'mnist-mlp[bench]'")
    options.workload = list(dict.fromkeys(options.workload or WORKLOADS))
    options.contestant = list(dict.fromkeys(options.contestant or installed))
    return options
