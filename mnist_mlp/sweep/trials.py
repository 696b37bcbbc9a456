"""The loop of a sweep: it has trials trained, several at a time, until there are enough or the time is over."""

import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from functools import partial
from itertools import islice
from math import ceil
from pathlib import Path

from optuna.trial import FrozenTrial, Trial

from mnist_mlp.console.plain_errors import plain_sentence
from mnist_mlp.fit.settings import laid_over
from mnist_mlp.sweep.job import TrialJob
from mnist_mlp.sweep.search import SILENT, Search
from mnist_mlp.sweep.study import ERROR, Outcome, SharedStudy

MOST_FAILURES = 3  # while no trial has ended well: then it is not the trials' values that are wrong


def train_trials(
    study: SharedStudy,
    path: Path,
    search: Search,
    executor: Executor,
    most: int,
    workers: int,
    at_once: int,
    deadline: float | None,
) -> Iterator[FrozenTrial]:
    """Train trials, and yield each when it has ended.

    Args:
        study: Where they are kept.
        path: Its file.
        search: What is looked for.
        executor: Where they are trained.
        most: How many trials there are to be, those that ended before included.
        workers: How many jobs run at a time.
        at_once: How many trials one job trains, at most: towards the end they are shared out.
        deadline: When to start none, and stop those that are trained, as of `time.time()`, or None.

    Raises:
        ValueError: if nothing but failures came of the first trials.
        BrokenExecutor: if nothing trains trials any more; the study keeps those that have ended.
    """
    running: dict[Future[list[Outcome]], list[Trial]] = {}
    is_over = False
    while True:
        is_over = is_over or (deadline is not None and time.time() > deadline)
        while not is_over and len(running) < workers and (trials := _ask(study, most, workers, at_once)):
            settings = {trial.number: laid_over(search.settings_of(trial.params), SILENT) for trial in trials}
            job = TrialJob(settings, path.absolute(), search.digest, study.lock_file.absolute(), deadline)
            running[executor.submit(job.run)] = trials
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            trials = running.pop(future)
            error = future.exception()
            if isinstance(error, BrokenExecutor):
                raise error
            for place, trial in enumerate(trials):
                if error:
                    study.tell_error(trial, plain_sentence(error))
                else:
                    study.tell(trial, future.result()[place])
                yield study.frozen(trial.number)
        _check_failures(study.ended())


def _ask(study: SharedStudy, most: int, workers: int, at_once: int) -> list[Trial]:
    """The trials of the next job, no more than would be left for each worker; none where there are enough."""
    share = ceil(study.left(most) / workers)
    return list(islice(iter(partial(study.ask, most), None), min(at_once, max(1, share))))


def _check_failures(ended: list[FrozenTrial]) -> None:
    """See that not all of the first trials failed.

    Raises:
        ValueError: if they did.
    """
    if len(ended) >= MOST_FAILURES and all(ERROR in trial.user_attrs for trial in ended):
        raise ValueError(f"all {len(ended)} trials failed, the last one with: {ended[-1].user_attrs[ERROR]}")
