"""The executor that a command was asked for."""

from collections.abc import Callable
from concurrent.futures import Executor

from mnist_mlp.executors.cluster import cluster_executor
from mnist_mlp.executors.local import LocalExecutor


def executor_for(workers: int, cluster: str | None = None, check: Callable[[], object] | None = None) -> Executor:
    """Where jobs run; a context manager, which ends with its jobs.

    Args:
        workers: How many processes of this machine run jobs, if there is no cluster.
        cluster: The address of a scheduler of Dask, such as tcp://10.0.0.1:8786, whose workers run them; or None.
        check: What is looked at on each worker of the cluster before there are jobs; it raises a ValueError or an
            OSError if they cannot run there.

    Raises:
        ValueError: if Dask is not installed, or a worker cannot run jobs.
        OSError: if no scheduler answers, or it has no workers.
    """
    return LocalExecutor(workers) if cluster is None else cluster_executor(cluster, check)
