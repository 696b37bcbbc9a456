"""Jobs on the machines of a cluster, which a scheduler of Dask gives to its workers."""

import asyncio
import hashlib
import logging
import re
import sys
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from typing_extensions import override

if TYPE_CHECKING:
    from distributed import Client, Worker
    from distributed import Future as DaskFuture

P = ParamSpec("P")
T = TypeVar("T")

ADDRESS = r"([a-z]+://)?[^/\s]+:\d{1,5}"
# what Dask raises where the scheduler is no longer there
LOST = ("CancelledError", "ClosedClientError", "CommClosedError", "FutureCancelledError")
SECONDS_TO_CONNECT = 5
SECONDS_FOR_WORKERS = 60


class LostClusterError(BrokenExecutor, ConnectionError):
    """The scheduler went away."""


class ClusterExecutor(Executor):
    """Runs jobs on the workers of a cluster, in the one thread that does the work of each.

    A job whose worker dies runs again on another, as often as the scheduler allows (three times, if it was not told
    otherwise). Dask counts so for the jobs, too, that only waited on that worker. So a job that it gives up is tried
    once more when nothing else runs: a worker that dies then was killed by this job.

    An exception that leaves the `with` statement, Ctrl-C for example, gives up the jobs that are not done.

    Args:
        client: Connected with a scheduler that has workers.
    """

    def __init__(self, client: "Client") -> None:
        self._client = client
        self._loop: Any = client.loop
        self._address = client.scheduler.address if client.scheduler else "?"
        self._lock = Lock()
        self._submitted = 0
        self._futures: set[Future[Any]] = set()  # those that are not done
        self._suspects: dict[Future[Any], tuple[Any, ...]] = {}  # those of them that wait to run alone, and their jobs

    @override
    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Let a job wait for a worker.

        Returns:
            Its future. The exception is an OSError where all workers that tried the job died, and a `LostClusterError`
            where the scheduler went away.
        """
        future: Future[T] = Future()
        with self._lock:
            self._submitted += 1
            self._futures.add(future)
        future.add_done_callback(self._forget)
        self._hand_over(future, (function, args, kwargs))
        return future

    def _hand_over(self, future: Future[Any], job: tuple[Any, ...], alone_since: int | None = None) -> None:
        """Give a job to Dask.

        Args:
            future: Its future.
            job: Its function, args and kwargs.
            alone_since: How many jobs were submitted until it began to run alone, if it does.
        """
        try:
            remote = self._client.submit(run_on_worker, source_digest(), *job, pure=False)
        except Exception as error:  # a thread of Dask's may call this, where nobody would see the error
            self._fail(future, job, error, alone_since)
            return
        future.add_done_callback(lambda ended: ended.cancelled() and remote.cancel())
        self._loop.add_callback(self._pass_on, remote, future, job, alone_since)

    async def _pass_on(
        self, remote: "DaskFuture[Any]", future: Future[Any], job: tuple[Any, ...], alone_since: int | None
    ) -> None:
        """Give a future what its job gave, once there is something.

        The futures of Dask's own executor never end where a result is lost on its way, and cannot be made again.
        """
        try:
            result = await remote
        except BaseException as error:  # what Dask raises for a job that is cancelled is no Exception
            self._fail(future, job, error, alone_since)
        else:
            if future.set_running_or_notify_cancel():
                future.set_result(result)

    def _fail(self, future: Future[Any], job: tuple[Any, ...], error: BaseException, alone_since: int | None) -> None:
        was_killed = type(error).__name__ == "KilledWorker"
        if was_killed and alone_since != self._submitted:
            self._suspect(future, job)
            return
        if not future.set_running_or_notify_cancel():
            return
        if type(error).__name__ in LOST:
            gone = f"the scheduler at {self._address} went away; what was done until then is kept"
            future.set_exception(LostClusterError(gone))
        elif was_killed:
            killed = "every worker that ran this job was killed: do they have too little memory?"
            future.set_exception(ChildProcessError(killed))
        else:
            future.set_exception(error)

    def _suspect(self, future: Future[Any], job: tuple[Any, ...]) -> None:
        """Let a job wait until nothing else runs."""
        with self._lock:
            waits = future in self._futures
            if waits:
                self._suspects[future] = job
        if not waits:
            future.set_running_or_notify_cancel()
        self._try_a_suspect()

    def _forget(self, done: Future[Any]) -> None:
        with self._lock:
            self._futures.discard(done)
            waited = self._suspects.pop(done, None) is not None
        if waited:  # and is cancelled: who waits for it is to know
            done.set_running_or_notify_cancel()
        self._try_a_suspect()

    def _try_a_suspect(self) -> None:
        """Hand over one suspect, if all jobs that are not done are suspects that wait."""
        with self._lock:
            if not self._suspects or len(self._suspects) < len(self._futures):
                return
            future = next(iter(self._suspects))
            job = self._suspects.pop(future)
            submitted = self._submitted
        self._hand_over(future, job, alone_since=submitted)

    @override
    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for all jobs, or give up those that are not done; what a worker has begun it does to its end."""
        if cancel_futures:
            for future in [*self._suspects, *self._futures]:  # suspects first: else one would be tried
                future.cancel()
        if wait:
            wait_for(list(self._futures))
        if wait or cancel_futures:
            self._client.close()

    @override
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self.shutdown(cancel_futures=error is not None)


def cluster_executor(address: str, check: Callable[[], object] | None = None) -> ClusterExecutor:
    """Jobs on the workers of a scheduler of Dask, once all of them are known to be able to run jobs.

    Args:
        address: That of the scheduler, such as tcp://10.0.0.1:8786.
        check: What else is looked at on each worker; it raises a ValueError or an OSError if a job cannot run there.

    Raises:
        ValueError: if it is no address, Dask is not installed, or a worker cannot run jobs.
        OSError: if no scheduler answers, or it has no workers.
    """
    if not re.fullmatch(ADDRESS, address):
        raise ValueError(f"cluster must be an address such as tcp://10.0.0.1:8786; got {address!r}")
    if find_spec("distributed") is None:
        raise ValueError("a cluster needs Dask, which is not installed: pip install 'mnist-mlp[cluster]'")
    client = _connected(address)
    try:
        _wait_for_workers(client, address)
        answers: Any = client.run(complaint_of_worker, source_digest(), check, on_error="return")
        for worker, complaint in answers.items():
            if complaint is not None:
                raise ValueError(f"the worker at {worker} {_in_words(complaint)}")
    except BaseException:
        client.close()
        raise
    return ClusterExecutor(client)


def _connected(address: str) -> "Client":
    """A client of a scheduler.

    None is made before the scheduler has answered: one that waits for an answer in vain closes itself when Python
    collects it, in whatever thread that happens, and can stop the next client for ever.
    """
    from distributed import Client

    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # errors are said here, in one sentence each
    try:
        with ThreadPoolExecutor(1) as pool:  # a thread with an event loop, a notebook's say, cannot run another
            pool.submit(asyncio.run, _greet(address)).result()
    except Exception as error:  # what another program answers may raise anything, a MemoryError, too
        raise ConnectionError(f"no scheduler of Dask answers at {address}: start `dask scheduler` there") from error
    return Client(address, timeout=SECONDS_TO_CONNECT, set_as_default=False)


async def _greet(address: str) -> None:
    """Exchange greetings with a scheduler."""
    from distributed.comm.core import connect

    # Dask's own timeout is not for the greeting of a program that listens, and says nothing.
    comm = await asyncio.wait_for(connect(address, timeout=SECONDS_TO_CONNECT), 2 * SECONDS_TO_CONNECT)
    await comm.close()


def _wait_for_workers(client: "Client", address: str) -> None:
    if not client.nthreads():
        print(f"waiting {SECONDS_FOR_WORKERS} s for workers of {address}", file=sys.stderr, flush=True)
        try:
            client.wait_for_workers(1, timeout=SECONDS_FOR_WORKERS)
        except TimeoutError as error:
            raise ConnectionError(f"{address} has no workers: start `dask worker {address} --nthreads 1`") from error


def _in_words(complaint: str | Exception) -> str:
    """What a worker says of itself, or why it cannot say anything."""
    if isinstance(complaint, str):
        return complaint
    found = "no mnist_mlp" if "No module named 'mnist_mlp'" in str(complaint) else "another version of mnist_mlp"
    return f"has {found}: install there what is here ({complaint})"


@cache
def source_digest() -> str:
    """What the lines of this project hash to: workers that have others would reach other numbers without a word."""
    package = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package).as_posix()}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def complaint_of_worker(source: str, check: Callable[[], object] | None, dask_worker: "Worker") -> str | None:
    """Why a worker cannot run jobs, or None.

    Args:
        source: The `source_digest` of the machine that the jobs come from.
        check: What else is looked at.
        dask_worker: The worker that this runs on; Dask gives it by this name.
    """
    if source != source_digest():
        return "has another version of mnist_mlp: install there what is here"
    if (threads := dask_worker.state.nthreads) != 1:
        return f"has {threads} threads, whose trainings would share random numbers: start it with --nthreads 1"
    try:
        if check:
            check()
    except (ValueError, OSError) as error:
        return f"cannot run these jobs: {error}"
    return None


def run_on_worker(source: str, function: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
    """Run a job on a worker that can have come after the others were looked at.

    Raises:
        ValueError: if it cannot run jobs.
    """
    from distributed import get_worker

    worker = get_worker()
    if complaint := complaint_of_worker(source, None, worker):
        raise ValueError(f"the worker at {worker.address} {complaint}")
    return function(*args, **kwargs)
