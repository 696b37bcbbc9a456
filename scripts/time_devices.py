"""How long an epoch of MNIST takes on two processes of one thread each, beside one process on two threads.

    python scripts/time_devices.py WORKLOAD [--repeats N]

WORKLOAD is small, wide or deep, as in mnist-mlp benchmark. The ways of training take turns; each is a `mnist-mlp fit`,
whose first epoch does not count.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from mnist_mlp.benchmark.workloads import WORKLOADS, Workload
from mnist_mlp.dashboard.run_log import read_run

WAYS = {
    "one process on two threads": {"trainer.devices": 1},
    "two processes, in blocks": {"trainer.devices": 2},
    "two processes, in single steps": {"trainer.devices": 2, "data.steps_per_execution": 1},
}
EPOCHS = 4


def seconds_of_an_epoch(workload: Workload, settings: dict[str, int], gradients: str) -> float:
    """The median of the epochs of a training, without the first."""
    threads = 2 if settings["trainer.devices"] == 1 else 1
    settings_of_all = {
        "name": "timed",
        "model.hidden_sizes": list(workload.hidden_sizes),
        "model.activation": workload.activation,
        "model.cost": workload.cost,
        "model.initializer": workload.initializer,
        "model.gradients": gradients,
        "model.optimizer": "SGD",
        "model.optimizer.lr": workload.learning_rate,
        "data.batch_size": workload.batch_size,
        "data.steps_per_execution": "auto",
        "trainer.max_epochs": EPOCHS,
        "trainer.accelerator": "cpu",
        "trainer.enable_progress_bar": "false",
    }
    words = [f"--{name}={value}" for name, value in (settings_of_all | settings).items()]
    with TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "mnist_mlp", "fit", *words, f"--trainer.default_root_dir={folder}"],
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        _, seconds = read_run(Path(folder) / "timed" / "version_0").scalars["time/epoch_seconds"]
    return median(seconds[1:])


def main() -> None:
    """Time all ways in turns, and print their medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="runs of each way (default: %(default)s)")
    parser.add_argument("--gradients", choices=["manual", "autograd"], default="manual")
    options = parser.parse_args()
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(options.repeats):
        for way, settings in WAYS.items():
            times[way].append(seconds_of_an_epoch(WORKLOADS[options.workload], settings, options.gradients))
    first = times["one process on two threads"]
    for way, seconds in times.items():
        ratio = median(one / other for one, other in zip(seconds, first, strict=True))
        print(f"{way:30}  {median(seconds):6.2f} s ({min(seconds):.2f} - {max(seconds):.2f})  ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
