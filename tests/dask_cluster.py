"""A cluster of Dask: its scheduler and its workers are processes of their own, started as a user starts them."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).parent.parent


class DaskCluster:
    """A scheduler, and workers that are started one by one; all end with the `with` statement.

    Args:
        folder: Where they work, and write what they say.
        host: The address that the scheduler listens at.
        inside: What stands before the command of the scheduler.
    """

    def __init__(self, folder: Path, host: str = "127.0.0.1", inside: Sequence[str] = ()) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"tcp://{host}:{port}"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start(inside, "scheduler", f"--host={host}", f"--port={port}", "--no-show")

    def worker(self, *words: str, inside: Sequence[str] = (), source: Path = ROOT, **env: str) -> subprocess.Popen:
        """Start a worker of one thread.

        Args:
            *words: What else its command has.
            inside: What stands before it.
            source: The folder that its mnist_mlp lies in.
            **env: What its environment has besides.
        """
        env = {"PYTHONPATH": str(source), **env}
        return self._start(inside, "worker", self.address, "--nthreads=1", *words, **env)

    def _start(self, inside: Sequence[str], *words: str, **env: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{words[0]}{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [*inside, sys.executable, "-m", "dask", *words, "--no-dashboard"],
                cwd=self.folder,
                env=os.environ | env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def __enter__(self) -> "DaskCluster":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.processes:
            kill(process)


def kill(process: subprocess.Popen[Any]) -> None:
    """Kill a process with those that it has started, as where the power of its machine fails."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
