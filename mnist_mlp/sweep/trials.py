"""The loop of a sweep: it has trials trained, several at a time, until there are enough or the time is over."""

import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from pathlib import Path

from optuna.trial import FrozenTrial, Trial

from mnist_mlp.console.plain_errors import plain_sentence
from mnist_mlp.fit.settings import laid_over
from mnist_mlp.sweep.job import TrialJob
from mnist_mlp.sweep.search import SILENT, Search
from mnist_mlp.sweep.study import ERROR, Outcome, SharedStudy

MOST_FAILURES = 3  # while no trial has ended well: then it is not the trials' values that are wrong


def train_trials(
    study: SharedStudy, path: Path, search: Search, executor: Executor, most: int, workers: int, deadline: float | None
) -> Iterator[FrozenTrial]:
    """Train trials, and yield each when it has ended.

    Args:
        study: Where they are kept.
        path: Its file.
        search: What is looked for.
        executor: Where they are trained.
        most: How many trials there are to be, those that ended before included.
        workers: How many are trained at a time.
        deadline: When to start none, and stop those that are trained, as of `time.time()`, or None.

    Raises:
        ValueError: if nothing but failures came of the first trials.
        BrokenExecutor: if nothing trains trials any more; the study keeps those that have ended.
    """
    running: dict[Future[Outcome], Trial] = {}
    is_over = False
    while True:
        is_over = is_over or (deadline is not None and time.time() > deadline)
        while not is_over and len(running) < workers and (trial := study.ask(most)):
            settings = laid_over(search.settings_of(trial.params), SILENT)
            job = TrialJob(settings, path.absolute(), search.digest, trial.number, deadline)
            running[executor.submit(job.run)] = trial
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            trial = running.pop(future)
            error = future.exception()
            if isinstance(error, BrokenExecutor):
                raise error
            if error:
                study.tell_error(trial, plain_sentence(error))
            else:
                study.tell(trial, future.result())
            yield study.frozen(trial.number)
        _check_failures(study.ended())


def _check_failures(ended: list[FrozenTrial]) -> None:
    """See that not all of the first trials failed.

    Raises:
        ValueError: if they did.
    """
    if len(ended) >= MOST_FAILURES and all(ERROR in trial.user_attrs for trial in ended):
        raise ValueError(f"all {len(ended)} trials failed, the last one with: {ended[-1].user_attrs[ERROR]}")
