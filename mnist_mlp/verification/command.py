"""The command line of `mnist-mlp verify`."""

import argparse
import json
import time
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any, cast

import torch
from rich.console import Console
from rich.progress import track

from mnist_mlp.bare_loop.threads import one_thread
from mnist_mlp.console.command_parser import CommandParser
from mnist_mlp.console.files import check_file, replaced_at_once
from mnist_mlp.console.tables import wide_console
from mnist_mlp.fit.checkpoint_files import read_checkpoint
from mnist_mlp.fit.session import TrainingSession, prepare
from mnist_mlp.training.block_obstacles import calls_closure_once
from mnist_mlp.verification.block_comparison import OPTIMIZERS
from mnist_mlp.verification.comparison import Comparison, compare
from mnist_mlp.verification.difference import MAX_ULP, MAX_ULP_OF_A_MODEL
from mnist_mlp.verification.faults import FAULTS
from mnist_mlp.verification.grid import BLOCK_STEPS, dtype_name, grid
from mnist_mlp.verification.table import explanation, table_of, table_of_faults

ELEMENTS = 50  # of each parameter of a real model that central differences are taken of
TABLE_WIDTH = 80

Rows = list[dict[str, Any]]


@one_thread()
def verify_grid(console: Console | None = None) -> Rows:
    """Compare every parameter of every combination of the grid; one row for each parameter.

    Args:
        console: Where to show how far it is, and how long it will take.
    """
    rows, cases = [], grid()
    saying = f"{len(cases):,} small networks"
    for case in track(cases, saying, console=console, transient=True, disable=console is None):
        label = {
            "combination": str(case),
            "layers": "-".join(map(str, case.sizes)),
            "cost": case.cost,
            "dtype": dtype_name(case.dtype),
            "device": case.device,
        }
        comparisons = compare(*case.build(), OPTIMIZERS[case.optimizer])
        rows += _rows(label, comparisons, case.dtype, case.exact)
    return rows


def verify_model(config: str | None, checkpoint: str | None, settings: list[str]) -> Rows:
    """Compare every parameter of one model on batches of its training images, in float64 and in float32."""
    session = _prepared(config, checkpoint, [*settings, "--data.steps_per_execution=1"])
    model, data = session.model, session.datamodule
    data.prepare_data()
    data.setup("fit")
    first, *others = islice(data.train_dataloader(), BLOCK_STEPS)
    as_large = [first, *(batch for batch in others if len(batch[1]) == len(first[1]))]
    xs, labels = (torch.stack(part) for part in zip(*as_large, strict=True))
    in_blocks = calls_closure_once(model.optimizer(model.parameters()))
    make_optimizer = model.optimizer if in_blocks else None
    rows = []
    for dtype in (torch.float64, torch.float32):
        name = dtype_name(dtype)
        label = {"combination": f"{config or checkpoint}, {name}", "dtype": name, "device": "cpu"}
        comparisons = compare(model.mlp.to(dtype), xs.to(dtype), labels, make_optimizer, ELEMENTS)
        rows += _rows(label, comparisons, dtype, max_ulp=MAX_ULP_OF_A_MODEL)
    return rows


def _prepared(config: str | None, checkpoint: str | None, settings: list[str]) -> TrainingSession:
    """A session of the configuration, or of the checkpoint, whose parameters are loaded."""
    if not checkpoint:
        return prepare("fit", config, typed=settings, trainer={"logger": False, "enable_checkpointing": False})
    session = prepare("validate", config, typed=settings, ckpt_path=checkpoint)
    stored = read_checkpoint(cast(Path, session.checkpoint))
    session.model.on_load_checkpoint(stored)
    session.model.load_state_dict(stored["state_dict"])
    return session


def _rows(
    label: dict[str, Any],
    comparisons: dict[str, Comparison],
    dtype: torch.dtype,
    exact: bool = False,
    max_ulp: float = MAX_ULP,
) -> Rows:
    return [
        {**label, "parameter": name, **found.row(), "exact": exact, "agrees": found.agrees(dtype, exact, max_ulp)}
        for name, found in comparisons.items()
    ]


def run(args: list[str]) -> int:
    """Run `mnist-mlp verify`.

    Returns:
        The exit status: 0 if all gradients agree, else 1.

    Raises:
        ValueError: if the checkpoint, the configuration or a setting typed beside it makes no sense.
    """
    options, settings = _parser().parse_known_args(args)
    one_model = options.config or options.ckpt_path
    if settings and not one_model:
        raise ValueError(f"{settings[0]} needs a model: give --config or --ckpt_path")
    if options.json:
        check_file("json", options.json)
    console, started = wide_console(TABLE_WIDTH), time.perf_counter()
    with FAULTS[options.fault]() if options.fault else nullcontext():
        rows = verify_model(options.config, options.ckpt_path, settings) if one_model else verify_grid(console)
    seconds = time.perf_counter() - started
    if options.json:
        with replaced_at_once(options.json) as part:
            part.write_text(json.dumps(rows, indent=1))
    devices = ["device"] if len({row["device"] for row in rows}) > 1 else []
    console.print(table_of(rows, "dtype", "parameter") if one_model else table_of(rows, *devices, "dtype", "cost"))
    console.print(explanation(MAX_ULP_OF_A_MODEL if one_model else MAX_ULP), highlight=False)
    wrong = [row for row in rows if not row["agrees"]]
    if wrong and not one_model:
        console.print(table_of_faults(rows))
        console.print(f"The first of them: {wrong[0]['parameter']} of {wrong[0]['combination']}", highlight=False)
    console.print(_summary(rows, wrong, options.fault, seconds), highlight=False)
    if options.fault and not wrong:
        raise ValueError(f"the planted fault {options.fault} was not found: nothing that was compared depends on it")
    return 1 if wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        "mnist-mlp verify",
        description="Compare the hand-written gradients, of single mini-batches and of those in blocks, with "
        "autograd's and with central differences: over a grid of small networks, or for one model on its training "
        "images.",
        epilog="Settings of the model and its data (--data.dataset digits, say) can be typed as for fit.",
    )
    parser.add_argument("--config", metavar="FILE", help="verify the model of this configuration")
    parser.add_argument("--ckpt_path", metavar="PATH", help="verify this checkpoint: best, last or a path")
    parser.add_argument("--json", metavar="PATH", type=Path, help="write every comparison to this file")
    parser.add_argument("--break", dest="fault", choices=FAULTS, help="plant a fault, which must be found")
    return parser


def _summary(rows: Rows, wrong: Rows, fault: str | None, seconds: float) -> str:
    """The last lines: what was compared, whether all of it agrees, and how long that took."""
    skipped = sum(row["skipped"] for row in rows)
    left_out = f"{skipped} central differences across a rectifier's kink were skipped\n" if skipped else ""
    planted = f" with the planted fault {fault}" if fault else ""
    combinations, disagree = (len({row["combination"] for row in each}) for each in (rows, wrong))
    found = f"{disagree:,} combinations disagree" if wrong else "all agree"
    return f"{left_out}{combinations:,} combinations, {len(rows):,} parameters{planted}: {found} · {seconds:.0f} s"
