"""`mnist-mlp verify`: the hand-written gradients against autograd's and against central differences."""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from itertools import product
from math import frexp
from pathlib import Path
from typing import Any, cast

import torch
from lightning import Callback, LightningModule, Trainer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from torch import Tensor

from mnist_mlp.equations import costs
from mnist_mlp.equations.activations import ACTIVATIONS, relu
from mnist_mlp.equations.backprop import feedforward
from mnist_mlp.fit.command import build
from mnist_mlp.network.dropout import compute_dtype
from mnist_mlp.network.mlp import MLP
from mnist_mlp.verification.faults import FAULTS

BATCH_SIZES = (1, 8)
SIZES = ((5, 3), (5, 4, 3), (5, 7, 4, 6, 3))  # 0, 1 and 3 hidden layers; no width is a batch size
DTYPES = (torch.float64, torch.float32, torch.bfloat16)
L1_STRENGTH, L2_STRENGTH = 0.001, 0.01
STEP = 1e-5  # of the central differences
ELEMENTS = 50  # of each parameter of a real model that central differences are taken of

TABLE_WIDTH = 100

MAX_RELATIVE = 1e-12  # from autograd, in float64
MAX_RELATIVE_CENTRAL = 1e-6  # from central differences, in float64
MAX_ULP = 4  # from autograd in lower precision, over the grid
MAX_ULP_OF_A_MODEL = 32  # the same for a real model, whose sums are a hundred times longer


@dataclass(frozen=True)
class Case:
    """One combination of the grid."""

    sizes: tuple[int, ...]
    activation: str
    cost: str
    output_activation: str
    dropout: float
    batch_size: int
    dtype: torch.dtype
    device: str

    @property
    def exact(self) -> bool:
        """Whether autograd forms the same sums in the same order, so that every bit must be the same.

        It does not for cross_entropy, where it goes through exp(log_softmax(z)), nor for scaled_tanh, where it keeps
        tanh(2/3 z) and the equations keep a. In bfloat16 products of three factors are rounded in other places, and on
        CUDA the order of a sum is the library's own affair.
        """
        same_order = not {self.cost, self.output_activation, self.activation} & {"cross_entropy", "scaled_tanh"}
        return same_order and self.device == "cpu" and self.dtype != torch.bfloat16

    def build(self) -> tuple[MLP, Tensor, Tensor]:
        """A network, inputs and labels, drawn from a fixed seed."""
        with torch.random.fork_rng():
            torch.manual_seed(0)
            squared = self.cost in costs.SQUARED
            mlp = MLP(
                self.sizes,
                [self.activation] * (len(self.sizes) - 2),
                self.cost,
                initializer="pytorch",
                output_activation=self.output_activation if squared else None,
                dropout=self.dropout,
                input_dropout=self.dropout / 2,
            ).to(self.device, self.dtype)
            x = torch.randn(self.batch_size, self.sizes[0]).to(self.device, self.dtype)
            labels = torch.randint(self.sizes[-1], (self.batch_size,)).to(self.device)
        return mlp, x, labels


def grid() -> list[Case]:
    """All combinations of activation, cost, output activation, depth, dropout, batch size, dtype and device."""
    outputs = [*product(costs.SQUARED, ACTIVATIONS), ("cross_entropy", "softmax"), ("binary_cross_entropy", "sigmoid")]
    devices = ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)
    return [
        Case(sizes, activation, cost, output, dropout, batch_size, dtype, device)
        for device, dtype, (cost, output), sizes, dropout, batch_size in product(
            devices, DTYPES, outputs, SIZES, (0.0, 0.4), BATCH_SIZES
        )
        for activation in (ACTIVATIONS if len(sizes) > 2 else ["none"])
    ]


@dataclass(frozen=True)
class Difference:
    """How far the hand-written gradient of a parameter lies from autograd's.

    Attributes:
        absolute: The largest absolute difference.
        relative: The same, relative to the largest element of this parameter's gradient.
        ulp: The same, in units in the last place of the largest element of the whole gradient: where a sum nearly
            cancels, its own last place says nothing about the precision it was formed with.
        equal: Whether all bits are equal.
        central: The largest difference from central differences, relative to the largest element; None where none
            were taken.
        skipped: How many central differences were left out, because a rectifier's kink lies between their points.
    """

    absolute: float
    relative: float
    ulp: float
    equal: bool
    central: float | None = None
    skipped: int = 0

    def agrees(self, exact: bool, dtype: torch.dtype, max_ulp: float = MAX_ULP) -> bool:
        """Whether the difference is within what the precision allows. NaN never is."""
        from_autograd = self.relative <= MAX_RELATIVE if dtype == torch.float64 else self.ulp <= max_ulp
        from_central = self.central is None or self.central <= MAX_RELATIVE_CENTRAL
        return from_autograd and from_central and (self.equal or not exact)


def compare(mlp: MLP, x: Tensor, labels: Tensor, elements: int | None = None) -> dict[str, Difference]:
    """Compare the gradients of each parameter, under the same dropout masks.

    In float64 on the CPU central differences are taken too.

    Args:
        mlp: The network.
        x: A batch of inputs.
        labels: Their classes.
        elements: Take the central differences of so many elements of each parameter; by default of all.
    """
    by_hand, by_autograd = (gradients(mlp, x, labels, mode) for mode in ("manual", "autograd"))
    largest = max(reference.abs().max().item() for reference in by_autograd.values())
    ulp = torch.finfo(x.dtype).eps * 2.0 ** (frexp(largest)[1] - 1)
    differences = {}
    for name, reference in by_autograd.items():
        absolute = (by_hand[name] - reference).abs().max().item()
        central, skipped = None, 0
        if x.dtype == torch.float64 and x.device.type == "cpu":
            central, skipped = central_difference(mlp, x, labels, name, by_hand[name], elements)
        differences[name] = Difference(
            absolute,
            relative_error(by_hand[name], reference),
            absolute / ulp,
            torch.equal(by_hand[name], reference),
            central,
            skipped,
        )
    return differences


def relative_error(value: Tensor, reference: Tensor) -> float:
    """The largest absolute difference, relative to the largest element of the reference."""
    error, largest = (value - reference).abs().max(), reference.abs().max()
    return (error / largest if largest > 0 else error).item()


def gradients(mlp: MLP, x: Tensor, labels: Tensor, mode: str) -> dict[str, Tensor]:
    """The gradient of cost and penalties for each parameter, by hand or by autograd; leaves `mlp` as it was."""
    own_mode, mlp.gradients = mlp.gradients, mode
    try:
        with _fixed_masks(x):
            loss = mlp.loss(mlp(x), labels) + mlp.l1_penalty(L1_STRENGTH) + mlp.l2_penalty(L2_STRENGTH)
        names, parameters = zip(*mlp.named_parameters(), strict=True)
        return dict(zip(names, torch.autograd.grad(loss, parameters), strict=True))
    finally:
        mlp.gradients = own_mode


@torch.no_grad()
def central_difference(
    mlp: MLP, x: Tensor, labels: Tensor, name: str, gradient: Tensor, elements: int | None
) -> tuple[float | None, int]:
    """The largest difference of a gradient from (C(w + h) - C(w - h))/2h, relative to its largest element.

    What the rounding of C itself can add to the quotient, a few eps C/h, is taken off.

    Returns:
        The difference, None if no element is left, and how many elements were skipped because a rectifier switched
        between w - h and w + h, where C has a kink and the quotient is no derivative.
    """
    with _fixed_masks(x):
        masks = mlp.dropout_masks(x)
    sigmas = [ACTIVATIONS[activation] for activation in mlp.activations]
    parameter = mlp.get_parameter(name).view(-1)
    largest, skipped = gradient.abs().max(), 0
    worst = torch.zeros_like(largest)

    def evaluate() -> tuple[Tensor, list[Tensor]]:
        z, trace = feedforward(x, mlp.weights, mlp.biases, sigmas, masks)
        rectified = [a > 0 for a, name in zip(trace.outputs, mlp.activations, strict=True) if name == "relu"]
        if mlp.cost.output_activation is relu:
            rectified.append(z > 0)
        return mlp.loss(z, labels) + mlp.l1_penalty(L1_STRENGTH) + mlp.l2_penalty(L2_STRENGTH), rectified

    chosen = torch.arange(len(parameter)) if elements is None else _spread(gradient.abs().view(-1), elements)
    for i in chosen.tolist():
        value = parameter[i].item()
        parameter[i] = value + STEP
        above, switches_above = evaluate()
        parameter[i] = value - STEP
        below, switches_below = evaluate()
        parameter[i] = value
        if all(torch.equal(p, q) for p, q in zip(switches_above, switches_below, strict=True)):
            noise = 4 * torch.finfo(x.dtype).eps * above.abs() / STEP
            error = ((above - below) / (2 * STEP) - gradient.view(-1)[i]).abs() - noise
            worst = torch.maximum(worst, error)
        else:
            skipped += 1
    if skipped == len(chosen):
        return None, skipped
    return (worst / largest if largest > 0 else worst).item(), skipped


def _spread(magnitudes: Tensor, elements: int) -> Tensor:
    """Indices of so many elements from the largest to the smallest magnitude, evenly."""
    order = magnitudes.argsort(descending=True)
    return order[torch.linspace(0, len(order) - 1, min(elements, len(order))).long()]


@contextmanager
def _fixed_masks(x: Tensor) -> Iterator[None]:
    """Draw the same dropout masks each time, and leave the random generators as they were."""
    with torch.random.fork_rng([x.device] if x.device.type == "cuda" else []):
        torch.manual_seed(1)
        yield


def verify_grid() -> list[dict[str, Any]]:
    """Compare every parameter of every combination of the grid; one row for each parameter."""
    rows = []
    for case in grid():
        label = {
            "combination": f"{'-'.join(map(str, case.sizes))} {case.activation}, {case.cost} of "
            f"{case.output_activation}, dropout {case.dropout}, batch of {case.batch_size}, "
            f"{_name(case.dtype)} on {case.device}",
            "cost": case.cost,
            "dtype": _name(case.dtype),
            "device": case.device,
        }
        rows += _rows(label, compare(*case.build()), case.exact, case.dtype)
    return rows


def verify_model(config: str | None, checkpoint: str | None, settings: list[str]) -> list[dict[str, Any]]:
    """Compare every parameter of one model on a batch of its training images, in float32 and in float64."""
    named = ["--config", config] if config else []
    settings = [*settings, "--data.steps_per_execution=1"]
    if checkpoint:
        cli = build(["validate", *named, "--ckpt_path", checkpoint, *settings])
        stored = torch.load(cast(Path, cli.checkpoint), weights_only=True)
        cli.model.on_load_checkpoint(stored)
        cli.model.load_state_dict(stored["state_dict"])
    else:
        cli = build(["fit", *named, "--trainer.logger=false", "--trainer.enable_checkpointing=false", *settings])
    cli.datamodule.prepare_data()
    cli.datamodule.setup("fit")
    x, labels = next(iter(cli.datamodule.train_dataloader()))
    rows = []
    for dtype in (torch.float64, torch.float32):
        label = {"combination": f"{config or checkpoint}, {_name(dtype)}", "dtype": _name(dtype), "device": "cpu"}
        differences = compare(cli.model.mlp.to(dtype), x.to(dtype), labels, ELEMENTS)
        rows += _rows(label, differences, False, dtype, MAX_ULP_OF_A_MODEL)
    return rows


def _rows(
    label: dict[str, Any],
    differences: dict[str, Difference],
    exact: bool,
    dtype: torch.dtype,
    max_ulp: float = MAX_ULP,
) -> list[dict[str, Any]]:
    return [
        {
            **label,
            "parameter": name,
            **asdict(difference),
            "exact": exact,
            "agrees": difference.agrees(exact, dtype, max_ulp),
        }
        for name, difference in differences.items()
    ]


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _table(rows: list[dict[str, Any]], *keys: str) -> Table:
    """The largest differences of the rows that share the values of these keys."""
    columns = ("equal", "absolute", "relative", "ulp", "central", "")
    table = Table(
        *keys,
        *columns,
        title="Hand-written gradients: largest difference from autograd's, and from central differences",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        title_justify="left",
    )
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    for values, group in groups.items():
        central = [row["central"] for row in group if row["central"] is not None]
        table.add_row(
            *map(str, values),
            f"{sum(row['equal'] for row in group)}/{len(group)}",
            *(f"{_largest([row[column] for row in group]):.2g}" for column in ("absolute", "relative", "ulp")),
            f"{_largest(central):.2g}" if central else "",
            "[green]agrees" if all(row["agrees"] for row in group) else "[red]disagrees",
        )
    return table


def _largest(values: list[float]) -> float:
    """Their maximum, or NaN if there is one, which Python's max may pass over."""
    return torch.tensor(values, dtype=torch.float64).max().item()


class GradientCheck(Callback):
    """Compare the hand-written gradient with autograd's while training, and stop where they part.

    Logs `gradients/max_relative_error`: the largest difference in any parameter, relative to the largest element of
    the whole gradient.

    Args:
        every_n_steps: Compare on the mini-batches whose step is a multiple of this.
        tolerance: Stop where the error is larger; by default 32 machine epsilons of the precision that the network
            computes in, 4e-6 in float32.

    Raises:
        FloatingPointError: while training, if the error is larger than the tolerance, or NaN.
    """

    needs_single_steps = True

    def __init__(self, every_n_steps: int = 100, tolerance: float | None = None) -> None:
        if every_n_steps < 1:
            raise ValueError(f"every_n_steps must be at least 1; got {every_n_steps}")
        self.every_n_steps = every_n_steps
        self.tolerance = tolerance

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Compare on this mini-batch, if it is its turn."""
        if trainer.global_step % self.every_n_steps:
            return
        mlp = cast(MLP, pl_module.mlp)
        x, labels = batch
        with trainer.precision_plugin.train_step_context():
            precision = compute_dtype(x)
            by_hand, by_autograd = (gradients(mlp, x, labels, mode) for mode in ("manual", "autograd"))
        whole_by_hand, whole = (torch.cat([g.flatten() for g in each.values()]) for each in (by_hand, by_autograd))
        error = relative_error(whole_by_hand, whole)
        tolerance = 32 * torch.finfo(precision).eps if self.tolerance is None else self.tolerance
        for logger in trainer.loggers:
            logger.log_metrics({"gradients/max_relative_error": error}, step=trainer.global_step)
        if not error <= tolerance:
            name = max(by_hand, key=lambda name: relative_error(by_hand[name], by_autograd[name]))
            raise FloatingPointError(
                f"the hand-written gradient is off autograd's by {error:.2g} of its largest element at step "
                f"{trainer.global_step + 1}, most of all that of {name}, and the tolerance is {tolerance:.2g}; "
                "mnist-mlp verify tells which equation is wrong"
            )


def run(args: list[str]) -> int:
    """Run `mnist-mlp verify`.

    Returns:
        The exit status: 0 if all gradients agree, else 1.

    Raises:
        ValueError: if the checkpoint, the configuration or a setting typed beside it makes no sense.
    """
    parser = argparse.ArgumentParser(
        "mnist-mlp verify",
        description="Compare the hand-written gradients with autograd's and with central differences: "
        "over a grid of small networks, or for one model on a batch of its training images.",
        epilog="Settings of the model and its data (--data.dataset digits, say) can be typed as for fit.",
    )
    parser.add_argument("--config", metavar="FILE", help="verify the model of this configuration")
    parser.add_argument("--ckpt_path", metavar="PATH", help="verify this checkpoint: best, last or a path")
    parser.add_argument("--json", metavar="PATH", type=Path, help="write every comparison to this file")
    parser.add_argument("--break", dest="fault", choices=FAULTS, help="plant a fault, which must be found")
    options, settings = parser.parse_known_args(args)
    one_model = options.config or options.ckpt_path
    if settings and not one_model:
        raise ValueError(f"{settings[0]} needs a model: give --config or --ckpt_path")
    with FAULTS[options.fault]() if options.fault else nullcontext():
        rows = verify_model(options.config, options.ckpt_path, settings) if one_model else verify_grid()
    console = Console()
    console.width = max(console.width, TABLE_WIDTH)
    console.print(_table(rows, "dtype", "parameter") if one_model else _table(rows, "device", "dtype", "cost"))
    if skipped := sum(row["skipped"] for row in rows):
        print(f"{skipped} central differences across a rectifier's kink were skipped")
    wrong = [row for row in rows if not row["agrees"]]
    for row in wrong[:10]:
        print(f"DISAGREES: {json.dumps(row)}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    planted = f" with the planted fault {options.fault}" if options.fault else ""
    combinations = len({row["combination"] for row in rows})
    print(
        f"{combinations} combinations, {len(rows)} parameters{planted}: "
        + (f"{len({row['combination'] for row in wrong})} combinations disagree" if wrong else "all agree")
    )
    if options.fault and not wrong:
        raise ValueError(f"the planted fault {options.fault} was not found: nothing that was compared depends on it")
    return 1 if wrong else 0
