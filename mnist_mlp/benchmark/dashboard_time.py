"""How long the dashboard takes: the same training with all of it and with none, in alternation."""

import multiprocessing
import os
import warnings
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from mnist_mlp.dashboard.panels import SWITCHED_OFF
from mnist_mlp.fit.command import run


def time_dashboard(config: str, repeats: int) -> dict[str, list[float]]:
    """The seconds that each training took, "with" and "without" the dashboard.

    Args:
        config: The configuration file to train with.
        repeats: Trainings of each kind, each in a process of its own.

    Raises:
        ValueError: if the configuration makes no sense.
    """
    seconds: dict[str, list[float]] = {"with": [], "without": []}
    for _ in range(repeats):
        for kind, taken in seconds.items():
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
                taken.append(process.submit(time_fit, config, kind == "with").result())
    return seconds


def time_fit(config: str, with_dashboard: bool) -> float:
    """The seconds of one `fit`, from reading the data to the last picture."""
    warnings.filterwarnings("ignore")
    switches = [] if with_dashboard else SWITCHED_OFF
    quiet = ["--trainer.enable_progress_bar=false"]
    with TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        return run(["fit", "--config", config, "--trainer.default_root_dir", folder, *quiet, *switches]).seconds
