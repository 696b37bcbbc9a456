"""Trainings in processes of their own, several at a time."""

import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from rich.console import Console

from mnist_mlp.console.processes import own_process
from mnist_mlp.reproduction.job import Job
from mnist_mlp.reproduction.published import ROWS
from mnist_mlp.reproduction.results import Results, Run


def finish(all_jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, dict[int, Run], str]]:
    """Run jobs, so many at a time, and yield what each gives when it ends, and why it failed, if it did."""
    pool = ThreadPoolExecutor(workers)
    running = {pool.submit(in_a_process, job): job for job in all_jobs}
    try:
        for future in as_completed(running):
            error = future.exception()
            yield running[future], *(({}, f"{type(error).__name__}: {error}") if error else future.result())
    finally:
        pool.shutdown(cancel_futures=True)


def in_a_process(job: Job) -> tuple[dict[int, Run], str]:
    """Run a job in a process of its own, so that one that is killed leaves the others alone; nothing if it is late."""
    if job.deadline is not None and time.time() > job.deadline:
        return {}, ""
    with own_process() as process:
        return process.submit(job.run).result()


def train(waiting: Sequence[Job], workers: int, results: Results, console: Console) -> set[str]:
    """Run jobs, so many at a time, keep what they give, and say so; the rows of those that failed."""
    failed = set()
    with console.status(f"{len(waiting)} trainings, {workers} at a time"):
        for job, trained, error in finish(waiting, workers):
            for seed, each in trained.items():
                results.add(job.row, job.settings_digest, seed, each)
                accuracy = each.accuracy(ROWS[job.row].figures[0])
                console.print(f"{job.row}, seed {seed}: {accuracy:.2f} %, {each.seconds:.0f} s", highlight=False)
            if trained:
                shutil.rmtree(job.folder, ignore_errors=True)
            if error:
                failed.add(job.row)
                lost = ", ".join(str(seed) for seed in job.seeds if seed not in trained)
                console.print(f"{job.row}, seeds {lost}: {error}", highlight=False)
    return failed
