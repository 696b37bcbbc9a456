"""How long the dashboard takes: the same training with all of it and with none, in alternation."""

from tempfile import TemporaryDirectory

from mnist_mlp.console.quiet import quiet
from mnist_mlp.executors.local import LocalExecutor
from mnist_mlp.fit import prepare


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
            with LocalExecutor(1) as process:
                taken.append(process.submit(time_fit, config, kind == "with").result())
    return seconds


def time_fit(config: str, with_dashboard: bool) -> float:
    """The seconds of one `fit`, from reading the data to the last picture."""
    with TemporaryDirectory() as folder, quiet():
        trainer = {"default_root_dir": folder, "enable_progress_bar": False}
        session = prepare("fit", config, trainer=trainer, dashboard={"enabled": with_dashboard})
        session.execute()
    return session.seconds
