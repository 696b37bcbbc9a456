"""Time jobs that do nothing: python scripts/time_jobs.py [--jobs N] [--workers N] [--cluster ADDRESS] [--repeats N].

Each job gives back the curves of a training of 30 epochs, which are added to a file of results as `mnist-mlp reproduce`
adds them. Prints what a job takes of the executor's and of the file's time, without the start of the processes.
"""

import argparse
import copy
import time
from concurrent.futures import Executor, as_completed, wait
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from mnist_mlp.executors.choice import executor_for
from mnist_mlp.reproduction.results import Results, Run

CURVE = [round(0.9 + 0.001 * epoch, 6) for epoch in range(30)]
RUN = Run({f"{split}/{what}": CURVE for split in ("val", "test") for what in ("acc", "cost")}, 60.0)


def seconds_per_job(executor: Executor, jobs: int, file: Path) -> float:
    """The time from the first job to the last line in the file, for each job."""
    results = Results(file, Path("configs/published"))
    started = time.perf_counter()
    futures = {executor.submit(copy.copy, RUN): seed for seed in range(jobs)}
    for future in as_completed(futures):
        results.add("nielsen-ch1-30", "a digest", futures[future], future.result())
    return (time.perf_counter() - started) / jobs


def main() -> None:
    """Time them, several times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000, metavar="N")
    parser.add_argument("--workers", type=int, default=2, metavar="N")
    parser.add_argument("--cluster", metavar="ADDRESS")
    parser.add_argument("--repeats", type=int, default=5, metavar="N")
    options = parser.parse_args()
    with executor_for(options.workers, options.cluster) as executor, TemporaryDirectory() as folder:
        wait([executor.submit(copy.copy, RUN) for _ in range(10 * options.workers)])  # all have started
        times = [
            1000 * seconds_per_job(executor, options.jobs, Path(folder) / f"{i}.json") for i in range(options.repeats)
        ]
    print(f"{median(times):.2f} ms a job ({min(times):.2f} - {max(times):.2f}, n = {options.repeats})")


if __name__ == "__main__":
    main()
