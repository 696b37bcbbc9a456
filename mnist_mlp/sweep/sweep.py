"""A sweep from its configuration to its results."""

import argparse
import time
from functools import partial
from pathlib import Path

from optuna.trial import FrozenTrial
from rich.console import Console

from mnist_mlp.console.tables import wide_console
from mnist_mlp.data.module import prepare_data
from mnist_mlp.executors.choice import executor_for
from mnist_mlp.fit.at_once import obstacle_to_a_stack
from mnist_mlp.sweep.best_settings import check_replaceable, complete, line_of, table_of, write_best
from mnist_mlp.sweep.picture import draw_sweep
from mnist_mlp.sweep.search import Search, read_search
from mnist_mlp.sweep.study import SECONDS, SharedStudy
from mnist_mlp.sweep.trial_runs import write_trial_runs
from mnist_mlp.sweep.trials import train_trials

TABLE_WIDTH = 150
AT_ONCE = 8  # small networks of one shape in one process


def sweep(options: argparse.Namespace) -> int:
    """Train trials, and show and write what came of them.

    Args:
        options: Those of the command line.

    Returns:
        The exit status, as of the command.

    Raises:
        ValueError: if the configuration or the study's file makes no sense, or no trial was trained to its end.
    """
    deadline = None if options.budget is None else time.time() + 60 * options.budget
    search = read_search(options.config)
    sessions = search.check()
    session = sessions[0]
    folder = Path(session.config.trainer.default_root_dir) / session.config.name
    best = folder / f"{folder.name}-best.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    check_replaceable(best)
    data = session.config.data
    needed = [(data.dataset, data.data_dir)]
    prepare_data(needed)  # before several workers do it at once
    seed = int(session.config.seed_everything)
    path = options.study or folder / "study.journal"
    console = wide_console(TABLE_WIDTH)
    at_once = AT_ONCE if obstacle_to_a_stack(sessions) is None else 1
    said = console.status(f"{options.trials} trials, {options.workers * at_once} at a time; kept in {path}")
    with (
        SharedStudy(path, search, seed) as study,
        executor_for(options.workers, options.cluster, partial(prepare_data, needed)) as executor,
        said,
    ):
        workers = options.workers
        for trial in train_trials(study, path, search, executor, options.trials, workers, at_once, deadline):
            console.print(line_of(trial, search), highlight=False, soft_wrap=True)
            write_trial_runs([trial], folder)
    trials = study.ended()
    _show(study, trials, search, seed, best, console)
    if len(trials) < options.trials:
        console.print(f"{len(trials)} of {options.trials} trials have ended; the same command goes on", highlight=False)
    return 0 if len(trials) >= options.trials else 1


def _show(
    study: SharedStudy, trials: list[FrozenTrial], search: Search, seed: int, best: Path, console: Console
) -> None:
    """Print the best settings, and write them, the picture and the runs of TensorBoard."""
    if not complete(trials):
        raise ValueError(f"none of {len(trials)} trials was trained to its end; raise --budget or --trials")
    console.print(table_of(trials, search))
    write_trial_runs(trials, best.parent)
    write_best(best, search, trials, seed, sum(trial.user_attrs.get(SECONDS, 0) for trial in trials) / 60)
    picture = best.with_name("sweep.png")
    draw_sweep(study.study, trials, search.parameters, picture)
    for line in (f"mnist-mlp fit --config {best}", f"{picture}", f"mnist-mlp dashboard {best.parent}"):
        console.print(line, highlight=False, soft_wrap=True)
