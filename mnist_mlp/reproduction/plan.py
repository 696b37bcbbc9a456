"""What is still to be trained, row by row, and what it is known to take; it needs neither torch nor Lightning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from rich.table import Table

from mnist_mlp.console.tables import plain_table
from mnist_mlp.reproduction.published import ROWS
from mnist_mlp.reproduction.results import Results
from mnist_mlp.shipped.files import shipped_folder

PUBLISHED = shipped_folder("configs") / "published"
ESTIMATED = {
    "ciresan-2010": 500 * 50_000 * 0.0153
}  # seconds, of 500 epochs; its configuration says how it was measured
UNITS = (("s", 100, 60), ("min", 100, 60), ("h", 48, 24))  # how many are said so, and how many the next one has


@dataclass(frozen=True)
class Part:
    """The trainings of one row that are still to be done.

    Attributes:
        row: The name of the row.
        seeds: Those of the networks.
        each: Seconds that a network takes on one core, or None where it is not known.
    """

    row: str
    seeds: tuple[int, ...]
    each: float | None

    @property
    def seconds(self) -> float | None:
        """What all of them take on one core."""
        return None if self.each is None else self.each * len(self.seeds)


def plan(wanted: Mapping[str, int], results: Results) -> list[Part]:
    """What is still to be trained.

    Args:
        wanted: How many networks of each row there are to be.
        results: Those that there are.
    """
    known = seconds_of_rows(results.configs)
    missing = {row: [seed for seed in range(n) if seed not in results.runs(row)] for row, n in wanted.items()}
    return [Part(row, tuple(seeds), known.get(row)) for row, seeds in missing.items() if seeds]


def seconds_of_rows(configs: Path) -> dict[str, float]:
    """Seconds that a training of each row takes on one core, where its configuration is as it was measured.

    Args:
        configs: The folder of the configurations.
    """
    measured = Results(PUBLISHED / "results.json", configs)
    runs = {row: measured.runs(row) for row in ROWS if measured.config(row).exists()}
    return ESTIMATED | {row: mean(run.seconds for run in each.values()) for row, each in runs.items() if each}


def duration(seconds: float | None) -> str:
    """A time in two digits and the unit that suits it: 7.2 s, 12 min, 3.4 h, 4.4 days; "?" where it is not known."""
    if seconds is None:
        return "?"
    for unit, most, size in UNITS:
        if seconds < most - 0.5:
            return f"{seconds:.2g} {unit}"
        seconds /= size
    return f"{seconds:.2g} days"


def table_of(parts: Sequence[Part]) -> Table:
    """A line for each row: how many networks, and what they take."""
    table = plain_table("row", "networks", "time of one", "of all")
    for column in table.columns[1:]:
        column.justify = "right"
    for part in parts:
        table.add_row(part.row, str(len(part.seeds)), duration(part.each), duration(part.seconds))
    return table


def sentence_of(parts: Sequence[Part], cores: int) -> str:
    """What all of it takes.

    Args:
        parts: What is to be trained.
        cores: How many networks are trained at a time.
    """
    seconds = [part.seconds for part in parts if part.seconds is not None]
    unknown = [part.row for part in parts if part.seconds is None]
    networks = sum(len(part.seeds) for part in parts)
    said = f"{networks} {'networks' if networks > 1 else 'network'} to train"
    if seconds:
        said += f": about {duration(sum(seconds))} on one core" + (
            f", {duration(sum(seconds) / cores)} on {cores}" if cores > 1 else ""
        )
    return f"{said}; the time of {', '.join(unknown)} is not known" if unknown else said
