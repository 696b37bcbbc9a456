"""What trainings of published recipes reached: kept in a file, and set beside what was published."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import yaml
from filelock import FileLock
from rich.box import SIMPLE_HEAD
from rich.table import Table

from mnist_mlp.reproduction.published import ROWS, Figure, Row

Series = dict[str, list[float]]


@dataclass(frozen=True)
class Run:
    """A network that was trained.

    Attributes:
        series: Accuracy, a fraction, and cost after each epoch, by split: "test/acc" and so on.
        seconds: What its training took on one core, beside another training on the other.
    """

    series: Series
    seconds: float

    def covers(self, splits: Sequence[str]) -> bool:
        """Whether these images were measured."""
        return all(f"{split}/acc" in self.series for split in splits)

    def accuracy(self, figure: Figure) -> float:
        """The accuracy in the metric of a published figure, in percent."""
        curve = self.series[f"{figure.split}/acc"]
        if figure.epoch == "peak":
            return 100 * max(curve)
        epoch = {"first": 0, "last": -1}.get(figure.epoch)
        if epoch is None:
            validation = self.series["val/acc"]
            epoch = validation.index(max(validation))
        return 100 * curve[epoch]


def reached(figure: Figure, runs: Sequence[Run]) -> list[float]:
    """The accuracies, in percent, that stand beside a published figure.

    One for each run; or, where the figure is the best of some runs, one for each so many of ours in turn. The best is
    the one with the highest peak, on the validation images where they choose the epoch, too.
    """
    judge = "val" if figure.epoch == "best" else figure.split
    firsts = range(0, len(runs) - figure.best_of + 1, figure.best_of)
    groups = [runs[first : first + figure.best_of] for first in firsts]
    return [max(group, key=lambda run: max(run.series[f"{judge}/acc"])).accuracy(figure) for group in groups]


@dataclass(frozen=True)
class Line:
    """A line of the table: a published figure and ours, accuracies in percent.

    Attributes:
        interval: Half the width of the 95 % confidence interval of the mean, by Student's t, or None for one run.
        verdict: Whether ours reaches the published one.
        seconds: Mean time of a training.
    """

    row: str
    source: str
    metric: str
    published: float
    note: str
    mean: float
    sd: float | None
    n: int
    interval: float | None
    min: float
    max: float
    difference: float
    verdict: str
    seconds: float


def line(name: str, row: Row, figure: Figure, runs: Sequence[Run]) -> Line:
    """Set a published figure beside ours."""
    accuracies = reached(figure, runs)
    n, middle = len(accuracies), mean(accuracies)
    sd = stdev(accuracies) if n > 1 else None
    return Line(
        row=name,
        source=row.source,
        metric=figure.metric,
        published=figure.published,
        note=figure.note,
        mean=middle,
        sd=sd,
        n=n,
        interval=None if sd is None else student_t(n - 1) * sd / sqrt(n),
        min=min(accuracies),
        max=max(accuracies),
        difference=middle - figure.published,
        verdict=verdict(row, figure, middle),
        seconds=mean(run.seconds for run in runs),
    )


def verdict(row: Row, figure: Figure, accuracy: float) -> str:
    """Whether a mean accuracy reaches a published figure, in words."""
    if row.at_most is not None:
        return "same behaviour" if accuracy <= row.at_most else "learns where the source does not"
    if round(accuracy - figure.published, 6) >= 0:
        return "reached"
    missing = figure.published - accuracy
    return f"within {row.tolerance:g}" if missing <= row.tolerance + 1e-9 else f"missed by {missing:.2f}"


def student_t(degrees_of_freedom: int) -> float:
    """The 97.5 % quantile of Student's t distribution."""
    from scipy.stats import t

    return float(t.ppf(0.975, degrees_of_freedom))


class Results:
    """All runs there are, kept in a JSON file that is replaced at once.

    Runs of a configuration whose settings have changed since do not count.

    Args:
        path: The file; it need not exist yet.
        configs: The folder of the configurations.

    Raises:
        ValueError: if the file is not one of these.
    """

    def __init__(self, path: Path, configs: Path) -> None:
        self.path, self.configs = path, configs
        self.rows = self._read()

    def _read(self) -> dict[str, dict[str, Any]]:
        if not self.path.exists():
            return {}
        try:
            rows = json.loads(self.path.read_text())["rows"]
            for stored in rows.values():
                for seed, run in stored["seeds"].items():
                    int(seed)
                    for curve in Run(**run).series.values():
                        float(max(curve))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{self.path} does not hold results of mnist-mlp reproduce ({type(error).__name__}: {error}); "
                "name another file with --json, or move it away"
            ) from error
        return rows

    def config(self, name: str) -> Path:
        """The configuration of a row."""
        return self.configs / f"{name}.yaml"

    def runs(self, name: str) -> dict[int, Run]:
        """The runs of a row by their seeds."""
        stored = self.rows.get(name, {})
        if stored.get("config") != digest(self.config(name)):
            return {}
        runs = {int(seed): Run(**run) for seed, run in sorted(stored["seeds"].items(), key=lambda item: int(item[0]))}
        return {seed: run for seed, run in runs.items() if run.covers(ROWS[name].splits)}

    def add(self, name: str, settings: str, seed: int, run: Run) -> None:
        """Keep a run of these settings, beside what others add at the same time."""
        with FileLock(self.path.with_name(f".{self.path.name}.lock")):
            self.rows = self._read()
            stored = self.rows.get(name, {})
            seeds = stored["seeds"] if stored.get("config") == settings else {}
            seeds |= {str(seed): asdict(run)}
            self.rows[name] = {"config": settings, "seeds": dict(sorted(seeds.items(), key=lambda item: int(item[0])))}
            self._write()

    def _write(self) -> None:
        order = {name: self.rows[name] for name in (*ROWS, *self.rows) if name in self.rows}
        part = self.path.with_name(f".{self.path.name}.part")
        part.write_text(json.dumps({"rows": order}, separators=(",", ":")).replace('{"series"', '\n{"series"') + "\n")
        os.replace(part, self.path)


def digest(config: Path) -> str:
    """What the settings in a configuration file hash to, whatever its comments say."""
    settings = yaml.safe_load(config.read_text())
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


HEADINGS = ("row", "metric", "published", "ours", "sd", "n", "95 %", "min - max", "difference", "verdict", "time")


def cells(line: Line) -> tuple[str, ...]:
    """A line of the table as text."""
    minutes, seconds = divmod(round(line.seconds), 60)
    return (
        line.row,
        line.metric,
        f"{line.published:.2f}",
        f"{line.mean:.2f}",
        "-" if line.sd is None else f"{line.sd:.2f}",
        str(line.n),
        "-" if line.interval is None else f"± {line.interval:.2f}",
        f"{line.min:.2f} - {line.max:.2f}",
        f"{line.difference:+.2f}",
        line.verdict,
        f"{minutes}:{seconds:02d}",
    )


def table_of(lines: Sequence[Line]) -> Table:
    """The table for the terminal."""
    table = Table(*HEADINGS, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for line in lines:
        table.add_row(*cells(line))
    return table


def markdown_of(lines: Sequence[Line]) -> str:
    """The table as Markdown, with the notes below."""
    notes = list(dict.fromkeys(line.note for line in lines if line.note))
    headings = (HEADINGS[0], "source", *HEADINGS[1:])
    rows = [headings, ["---"] * len(headings)]
    for line in lines:
        row, metric, published, *rest = cells(line)
        mark = f" [{notes.index(line.note) + 1}]" if line.note else ""
        rows.append([f"[{row}]({row}.yaml)", line.source, metric, published + mark, *rest])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return table + "\n\n" + "".join(f"[{i}] {note}.  \n" for i, note in enumerate(notes, start=1))
