"""A competition of contestants in one workload: each trains in a process of its own."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from statistics import mean, median

from mnist_mlp.benchmark.contestant import Contestant
from mnist_mlp.benchmark.contestants import CONTESTANTS
from mnist_mlp.benchmark.workloads import Workload
from mnist_mlp.console.percent import percent
from mnist_mlp.console.quiet import quiet
from mnist_mlp.executors.local import LocalExecutor

WARM_UP_EPOCHS = 1
TOLERANCE = 0.01  # of the accuracy, from the contestants' median; runs of `small` differ by half of that


@dataclass(frozen=True)
class Measurement:
    """What a contestant took for a workload.

    Attributes:
        seconds: Of an epoch, for each repeat.
        accuracies: On the validation images after the last epoch, for each repeat; none where nothing is learnt.
        megabytes: Peak memory of the process, with the interpreter, the libraries and the data.
    """

    workload: str
    contestant: str
    seconds: list[float]
    accuracies: list[float]
    megabytes: float


def compete(
    workload: Workload, names: list[str], device: str, epochs: int, repeats: int, say: Callable[[str], None]
) -> list[Measurement]:
    """Let the contestants train one after another, and all of them again for each repeat.

    Args:
        workload: What is trained.
        names: Those of the contestants.
        device: cpu or cuda.
        epochs: Epochs of a run that count, after a warm-up epoch that does not.
        repeats: Runs of each contestant.
        say: What tells the user how far it is.
    """
    seconds: dict[str, list[float]] = {name: [] for name in names}
    accuracies: dict[str, list[float]] = {name: [] for name in names}
    megabytes = dict.fromkeys(names, 0.0)
    with ExitStack() as stack:
        processes = {name: stack.enter_context(LocalExecutor(1)) for name in names}
        for repeat in range(repeats):
            for name, process in processes.items():
                say(f"{workload.name}: repeat {repeat + 1} of {repeats}, {name}")
                times, accuracy, megabytes[name] = process.submit(
                    train_here, name, workload, device, WARM_UP_EPOCHS + epochs
                ).result()
                seconds[name].append(mean(times[WARM_UP_EPOCHS:]))
                accuracies[name] += [] if accuracy is None else [accuracy]
    return [Measurement(workload.name, n, seconds[n], accuracies[n], megabytes[n]) for n in names]


def train_here(name: str, workload: Workload, device: str, epochs: int) -> tuple[list[float], float | None, float]:
    """Let a contestant train in this process, quietly.

    Returns:
        The seconds of each epoch, the accuracy, and the peak memory of this process in MB.
    """
    import resource  # which Windows lacks

    with quiet():
        times, accuracy = _contestant(name, workload, device).train(epochs)
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [end - start for start, end in pairwise(times)], accuracy, megabytes


@cache
def _contestant(name: str, workload: Workload, device: str) -> Contestant:
    """Made at the first repeat, with its images, and kept for the others."""
    return CONTESTANTS[name](workload, device)


def stragglers(measurements: list[Measurement]) -> list[str]:
    """Sentences on the contestants whose accuracy is not the others'."""
    reached = {m.contestant: mean(m.accuracies) for m in measurements if m.accuracies}
    middle = median(reached.values()) if reached else 0.0
    return [
        f"{name} reached {percent(accuracy)} where the median contestant reached {percent(middle)}: its time is of "
        "another work"
        for name, accuracy in reached.items()
        if not abs(accuracy - middle) <= TOLERANCE
    ]
