"""What trainings of published recipes reached, kept in a file."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import inf, isfinite
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock

from mnist_mlp.console.files import replaced_at_once
from mnist_mlp.reproduction.published import ROWS, Figure

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
                    _check_run(Run(**run))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
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
        text = json.dumps({"rows": order}, separators=(",", ":")).replace('{"series"', '\n{"series"') + "\n"
        with replaced_at_once(self.path) as part:
            part.write_text(text)


def _check_run(run: Run) -> None:
    """See that the numbers of a run can be those of a training.

    Raises:
        ValueError: if they cannot.
        TypeError: if they are no numbers.
    """
    lengths = {len(curve) for curve in run.series.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError("a run must have curves of one length, a value for each epoch")
    for name, curve in run.series.items():
        largest = 1 if name.endswith("/acc") else inf
        if not all(isfinite(value) and 0 <= value <= largest for value in curve):
            raise ValueError(f"{name} must hold finite numbers of at least 0, and accuracies of at most 1")
    if not (isfinite(run.seconds) and run.seconds >= 0):
        raise ValueError(f"seconds must be a finite number of at least 0; got {run.seconds}")


def digest(config: Path) -> str:
    """What the settings in a configuration file hash to, whatever its comments say."""
    settings = yaml.safe_load(config.read_text())
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
