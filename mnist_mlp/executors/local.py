"""Jobs in processes of this machine, several at a time."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from queue import LifoQueue
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from typing_extensions import override

P = ParamSpec("P")
T = TypeVar("T")


class LocalExecutor(Executor):
    """Runs jobs in processes of their own, each of which does one job after another.

    A process starts as a new interpreter, with no imports, no memory and no threads of this one. Where it is killed,
    its job starts again in a new one, and the others go on. All end with this process, even if that is killed. An
    exception that leaves the `with` statement, Ctrl-C for example, ends the jobs at once.

    Args:
        workers: How many processes there are at most, at least 1; they start when there are jobs for them.
        attempts: How often a job is started whose process is killed each time.
    """

    def __init__(self, workers: int, attempts: int = 3) -> None:
        self._threads = ThreadPoolExecutor(workers)
        self._attempts = attempts
        self._processes = [_Process() for _ in range(workers)]
        self._idle: LifoQueue[_Process] = LifoQueue()  # the last one first, since it has imported what jobs need
        for process in reversed(self._processes):
            self._idle.put(process)
        self._is_over = False

    @override
    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Let a job wait for a process.

        Returns:
            Its future; the exception of a job whose processes are all killed is an OSError.
        """
        return self._threads.submit(self._run, function, args, kwargs)

    def _run(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        process = self._idle.get()
        try:
            for _ in range(self._attempts):
                if self._is_over:
                    break
                try:
                    process.start()
                    if self._is_over:  # since it starts
                        break
                    return process.run(function, args, kwargs)
                except BrokenProcessPool:
                    process.renew()
        finally:
            self._idle.put(process)
        times = "once" if self._attempts == 1 else f"{self._attempts} times"
        raise ChildProcessError(f"the process of this job was killed, {times}: is there too little memory?")

    @override
    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        try:
            self._threads.shutdown(wait, cancel_futures=cancel_futures)
        except BaseException:  # Ctrl-C while it waits
            self._kill()
            raise
        if wait:  # else the jobs need them still; they end when nothing refers to this executor any more
            for process in self._processes:
                process.end()

    def _kill(self) -> None:
        self._is_over = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for process in self._processes:
            process.kill()

    @override
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if error is not None:
            self._kill()
        return super().__exit__(kind, error, trace)


class _Process:
    """A process for one job after another; it starts with the first."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Be another process from now on."""
        self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_obey_the_parent_alone)
        self._pid: int | None = None

    def start(self) -> None:
        """See that it runs, so that it can be killed.

        Raises:
            BrokenProcessPool: if it was killed.
        """
        self._pid = self._pid or self._pool.submit(os.getpid).result()

    def run(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a job there, and return its result.

        Raises:
            BrokenProcessPool: if the process is killed meanwhile, or was before.
        """
        return self._pool.submit(function, *args, **kwargs).result()

    def kill(self) -> None:
        """End it at once."""
        for child in multiprocessing.active_children():
            if child.pid == self._pid:
                child.kill()

    def end(self) -> None:
        """Let it end after its job."""
        self._pool.shutdown()


def _obey_the_parent_alone() -> None:
    """End with the parent, whatever ends it; Ctrl-C, which a terminal sends to all, is for the parent to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_wait_for_the_parents_end, daemon=True).start()


def _wait_for_the_parents_end() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()  # the pipe to it closes at its end, whatever the reason is
        os._exit(1)  # the main thread may be in the middle of a training
