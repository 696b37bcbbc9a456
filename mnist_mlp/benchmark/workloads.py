"""The networks that `mnist-mlp benchmark` trains: a small, a wide and a deep one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Workload:
    """A network and how it is trained: plain gradient descent in mini-batches."""

    name: str
    hidden_sizes: tuple[int, ...]
    activation: str
    cost: str
    initializer: str
    batch_size: int
    learning_rate: float

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of neurons of each layer, the inputs first."""
        return (784, *self.hidden_sizes, 10)

    @property
    def steps(self) -> int:
        """Mini-batches in an epoch."""
        return -(-50_000 // self.batch_size)

    def __str__(self) -> str:
        return f"{self.name}: {'-'.join(map(str, self.sizes))} {self.activation} {self.cost}, batch {self.batch_size}"


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("small", (30,), "sigmoid", "quadratic", "scaled", 10, 3.0),
        Workload("wide", (800,), "relu", "cross_entropy", "he", 100, 0.1),
        Workload("deep", (1024, 1024, 1024), "relu", "cross_entropy", "he", 128, 0.1),
    )
}
