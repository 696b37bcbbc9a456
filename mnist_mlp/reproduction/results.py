"""What trainings of published recipes reached, kept in a file."""

import errno
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from io import FileIO
from math import inf, isfinite
from pathlib import Path

import yaml
from filelock import FileLock

from mnist_mlp.console.files import replaced_at_once
from mnist_mlp.reproduction.published import ROWS, Figure

Series = dict[str, list[float]]

START = '{"row":'  # of each line


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


Entry = tuple[str, str, int, Run]  # a row, the digest of its settings, a seed, what it gave


class Results:
    """All runs there are, kept in a file to which each run adds a line of JSON.

    Several processes may add to it at the same time. A last line that was not written to its end, because a process
    was killed or the disk was full, does not count, and gives way to the next. Runs of a configuration whose settings
    have changed since do not count either.

    Args:
        path: The file; it need not exist yet. One that holds a single JSON document, as it was written in former times,
            becomes lines when the first run is added.
        configs: The folder of the configurations.

    Raises:
        ValueError: if the file is not one of these.
    """

    def __init__(self, path: Path, configs: Path) -> None:
        self.path, self.configs = path, configs
        self._lock = FileLock(path.with_name(f".{path.name}.lock"))
        self._runs: dict[tuple[str, str], dict[int, Run]] = {}  # of each row and digest of settings, by seeds
        for name, settings, seed, run in self._read():
            self._runs.setdefault((name, settings), {})[seed] = run

    def _read(self) -> list[Entry]:
        if not self.path.exists():
            return []
        try:
            text = self.path.read_text(encoding="utf-8")
            return list(_entries_of_lines(text) if text.startswith(START) or not text else _entries_of_document(text))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(
                f"{self.path} does not hold results of mnist-mlp reproduce ({type(error).__name__}: {error}); "
                "name another file with --json, or move it away"
            ) from error

    def config(self, name: str) -> Path:
        """The configuration of a row."""
        return self.configs / f"{name}.yaml"

    def runs(self, name: str) -> dict[int, Run]:
        """The runs of a row by their seeds."""
        runs = self._runs.get((name, digest(self.config(name))), {})
        return {seed: run for seed, run in sorted(runs.items()) if run.covers(ROWS[name].splits)}

    def add(self, name: str, settings: str, seed: int, run: Run) -> None:
        """Keep a run of these settings, beside what others add at the same time.

        Raises:
            OSError: if it cannot be written; what was there is as it was.
        """
        line = _line(name, settings, seed, _checked(run))
        with self._lock:
            with self.path.open("a+b", buffering=0) as file:
                file.seek(0)
                is_document = file.read(len(START)) not in (b"", START.encode())
                if not is_document:
                    _add_line(file, line.encode())
            if is_document:
                lines = [*(_line(*entry) for entry in self._read()), line]
                with replaced_at_once(self.path) as part:
                    part.write_text("".join(lines))
        self._runs.setdefault((name, settings), {})[seed] = run


def _entries_of_document(text: str) -> Iterator[Entry]:
    for name, stored in json.loads(text)["rows"].items():
        for seed, run in stored["seeds"].items():
            yield name, str(stored.get("config")), int(seed), _checked(Run(**run))


def _entries_of_lines(text: str) -> Iterator[Entry]:
    *lines, _ = text.split("\n")  # after the last line there is nothing, or one that was not written to its end
    for line in lines:
        entry = json.loads(line)
        run = _checked(Run(entry["series"], entry["seconds"]))
        yield entry["row"], entry["config"], int(entry["seed"]), run


def _line(name: str, settings: str, seed: int, run: Run) -> str:
    return json.dumps({"row": name, "config": settings, "seed": seed, **asdict(run)}, separators=(",", ":")) + "\n"


def _add_line(file: FileIO, line: bytes) -> None:
    """Add a line, in the place of one that was not written to its end."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - 1))
    if file.read() not in (b"", b"\n"):
        file.seek(0)
        end = file.readall().rfind(b"\n") + 1
        file.truncate(end)
    try:
        if file.write(line) < len(line):
            raise OSError(errno.ENOSPC, "No space left on device", file.name)
    except BaseException:
        file.truncate(end)
        raise


def _checked(run: Run) -> Run:
    """A run whose numbers can be those of a training.

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
    return run


def digest(config: Path) -> str:
    """What the settings in a configuration file hash to, whatever its comments say.

    Raises:
        ValueError: if it holds something else.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, but faster
    try:
        settings = json.dumps(yaml.load(config.read_text(encoding="utf-8"), loader), sort_keys=True)
    except (UnicodeDecodeError, yaml.YAMLError, TypeError, RecursionError) as error:
        raise ValueError(f"Problems parsing config {config}: {error or 'it is nested too deeply'}") from error
    return hashlib.sha256(settings.encode()).hexdigest()[:16]
