"""What a contestant of `mnist-mlp benchmark` is: what it needs, what it does, and how it tells the time."""

import time
from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import torch

from mnist_mlp.benchmark.workloads import Workload


class Training(NamedTuple):
    """What a contestant says of a training.

    Attributes:
        times: When the training started, and when each of its epochs ended, in seconds.
        accuracy: A fraction of the validation images, after the last epoch; None where nothing is learnt.
    """

    times: list[float]
    accuracy: float | None


class Contestant(ABC):
    """What trains a network for the benchmark; it is made once, in a process of its own.

    Nothing that it prints is shown. Libraries that this project does not need itself are imported when it is made, so
    that the others do without them.

    Args:
        workload: The network, and how it is trained.
        device: cpu or cuda.

    Attributes:
        packages: What must be installed for it besides what this project needs.
        cpu_only: Whether it does not train on a GPU.
    """

    packages: ClassVar[tuple[str, ...]] = ()
    cpu_only: ClassVar[bool] = False

    def __init__(self, workload: Workload, device: str) -> None:
        self.workload = workload
        self.device = device

    @abstractmethod
    def train(self, epochs: int) -> Training:
        """Train a new network, and measure its accuracy after each epoch."""


def now(device: str) -> float:
    """The time in seconds, when the device has done its work."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()
