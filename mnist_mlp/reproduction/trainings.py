"""The trainings that are still to be done: what they need, and what is done with what they give."""

import shutil
from collections.abc import Iterable
from concurrent.futures import BrokenExecutor, Executor, as_completed

from rich.console import Console

from mnist_mlp.console.plain_errors import plain_sentence
from mnist_mlp.reproduction.job import Job
from mnist_mlp.reproduction.published import ROWS
from mnist_mlp.reproduction.results import Results


def train(waiting: Iterable[Job], executor: Executor, results: Results, console: Console) -> set[str]:
    """Let jobs run, keep what they give, and say so; the rows of those that failed.

    Raises:
        BrokenExecutor: if nothing runs jobs any more; what was trained until then is kept.
    """
    failed = set()
    with console.status("trainings are prepared") as status:
        jobs = {executor.submit(job.run): job for job in waiting}
        status.update(f"{len(jobs)} trainings")
        for future in as_completed(jobs):
            job, error = jobs[future], future.exception()
            if isinstance(error, BrokenExecutor):
                raise error
            trained, complaint = ({}, f"{type(error).__name__}: {plain_sentence(error)}") if error else future.result()
            for seed, each in trained.items():
                results.add(job.row, job.settings_digest, seed, each)
                accuracy = each.accuracy(ROWS[job.row].figures[0])
                console.print(f"{job.row}, seed {seed}: {accuracy:.2f} %, {each.seconds:.0f} s", highlight=False)
            if trained:
                shutil.rmtree(job.folder, ignore_errors=True)
            if complaint:
                failed.add(job.row)
                lost = ", ".join(str(seed) for seed in job.seeds if seed not in trained)
                console.print(f"{job.row}, seeds {lost}: {complaint}", highlight=False)
    return failed
