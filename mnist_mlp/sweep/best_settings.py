"""The best trial of a sweep as a configuration that `mnist-mlp fit` trains, and the best few as a table."""

import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from optuna.trial import FrozenTrial, TrialState
from rich.table import Table

from mnist_mlp.console.files import replaced_at_once
from mnist_mlp.console.percent import percent
from mnist_mlp.console.tables import plain_table
from mnist_mlp.sweep.search import Search
from mnist_mlp.sweep.study import DIVERGED, ERROR, SECONDS

SHOWN = 5  # trials in the table
FOUND = "# Found by:"  # how a file begins that a sweep may replace
PACKAGES = ("mnist-mlp", "torch", "optuna")


def complete(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The trials that were trained to their end, the best first."""
    ended = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    return sorted(ended, key=lambda trial: (-_accuracy(trial), trial.number))


def _accuracy(trial: FrozenTrial) -> float:
    return trial.value if trial.value is not None else 0.0


def best_epoch(trial: FrozenTrial) -> int:
    """The epoch, counted from 1 as `fit` says it, in which the accuracy on the validation images was highest first."""
    curve = trial.intermediate_values
    return 1 + min(epoch for epoch, accuracy in curve.items() if accuracy == max(curve.values()))


def shown(value: Any) -> str:
    """A value in few characters."""
    return f"{value:.4g}" if isinstance(value, float) else "null" if value is None else str(value)


def line_of(trial: FrozenTrial, search: Search) -> str:
    """What came of a trial, in one line."""
    values = ", ".join(f"{name} {shown(trial.params[name])}" for name in search.parameters)
    if ERROR in trial.user_attrs:
        ending = f"failed: {trial.user_attrs[ERROR]}"
    elif trial.state is TrialState.COMPLETE:
        ending = percent(_accuracy(trial))
    elif trial.state is TrialState.PRUNED:
        what = "diverged" if DIVERGED in trial.user_attrs else "given up"
        curve = trial.intermediate_values
        ending = f"{percent(max(curve.values(), default=0))}, {what} after {len(curve)} validations"
    else:
        ending = "stopped: the time is over"
    return f"trial {trial.number}: {ending} ({values})"


def table_of(trials: Sequence[FrozenTrial], search: Search) -> Table:
    """The best few complete trials, and what they were trained with."""
    best = complete(trials)[:SHOWN]
    names = list(search.parameters)
    table = plain_table("trial", "val/acc", "epoch", "core seconds", *names, title="the best on the validation images")
    for trial in best:
        row = [str(trial.number), percent(_accuracy(trial)), str(best_epoch(trial))]
        table.add_row(*row, f"{trial.user_attrs[SECONDS]:.1f}", *(shown(trial.params[name]) for name in names))
    return table


def check_replaceable(path: Path) -> None:
    """See that a file is not there, or was written by a sweep.

    Raises:
        ValueError: if it was not.
    """
    if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(FOUND):
        raise ValueError(f"{path} would be replaced by the best settings, and is not a sweep's; move it away")


def write_best(path: Path, search: Search, trials: Sequence[FrozenTrial], seed: int, minutes: float) -> None:
    """Write the best trial's settings, with a header that says how they were found.

    Args:
        path: A configuration file.
        search: What was looked for.
        trials: All that ended, of which one is complete.
        seed: That of Optuna's draws.
        minutes: What the trials took of one core's time, all together.
    """
    best = complete(trials)[0]
    pruned = sum(trial.state is TrialState.PRUNED for trial in trials)
    failed = sum(trial.state is TrialState.FAIL for trial in trials)
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    header = [
        f"{FOUND} mnist-mlp sweep {search.config}",
        f"#           in {len(trials)} trials ({pruned} given up early, {failed} failed), seed {seed}, "
        f"which took {minutes:.1f} minutes of one core, all together.",
        f"# Chosen:   on the validation images alone, of which the network of trial {best.number} read "
        f"{percent(_accuracy(best))} right after epoch {best_epoch(best)}.",
        f"# Command:  mnist-mlp fit --config {path}",
        f"# Versions: {versions}, Python {platform.python_version()}",
    ]
    settings = search.settings_of(best.params)
    if settings["name"] == search.config.stem:
        del settings["name"]
    with replaced_at_once(path) as part:
        part.write_text("\n".join(header) + "\n" + yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
