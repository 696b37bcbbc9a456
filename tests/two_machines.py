"""Two machines in a network of their own: two network namespaces, joined by a cable of their own."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import pytest


class Machine(NamedTuple):
    """A machine.

    Attributes:
        address: Its address in the network.
        interface: The name of its end of the cable.
        inside: What stands before a command that is to run there.
    """

    address: str
    interface: str
    inside: tuple[str, ...]

    def kill_all(self) -> None:
        """End all that runs there at once, as where its power fails."""
        for pid in _ip("netns", "pids", self.interface).split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


@contextmanager
def two_machines() -> Iterator[tuple[Machine, Machine]]:
    """Make them, and remove them at the end; what calls this is skipped where the system does not allow it."""
    names = [f"mlp{os.getpid()}{side}" for side in "ab"]
    machines = [Machine(f"10.77.0.{i}", name, ("ip", "netns", "exec", name)) for i, name in enumerate(names, start=1)]
    try:
        try:
            _set_up(names, [machine.address for machine in machines])
        except (OSError, subprocess.CalledProcessError) as error:
            why = getattr(error, "stderr", "") or error
            pytest.skip(f"two network namespaces, for which one must be root, cannot be made here: {why}")
        yield machines[0], machines[1]
    finally:
        for name in names if shutil.which("ip") else []:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def _set_up(names: list[str], addresses: list[str]) -> None:
    for name in names:
        _ip("netns", "add", name)
    first, second = names
    _ip("link", "add", first, "netns", first, "type", "veth", "peer", "name", second, "netns", second)
    for name, address in zip(names, addresses, strict=True):
        _ip("-n", name, "address", "add", f"{address}/24", "dev", name)
        for interface in ("lo", name):
            _ip("-n", name, "link", "set", interface, "up")


def _ip(*words: str) -> str:
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=True).stdout
