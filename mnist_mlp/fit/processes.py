"""The processes of a run with several devices: they end together, and one of them says why."""

import os
import signal
import sys
import tempfile
import threading
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Self

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.strategies import ParallelStrategy
from typing_extensions import override

from mnist_mlp.fit.checkpoint_files import last_good_checkpoint
from mnist_mlp.lightning_internals.callback_list import callbacks_of
from mnist_mlp.lightning_internals.launcher import leave_the_end_of_processes_alone

STARTER = "MNIST_MLP_STARTER"  # in the environment of the processes that a first one starts: its id
MAY_SPEAK = "MNIST_MLP_MAY_SPEAK"  # and a file: the process that removes it says why the run ended, and no other
SECONDS_TO_END = 5.0  # what a process has to end by itself
SECONDS_TO_NOTICE = 3.0  # what passes at most between the end of a process and its entry in the system's table
OTHER_MACHINES = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK")


def devices_of_torchrun(devices: Any) -> dict[str, int]:
    """The Trainer's `devices` and `num_nodes` where torchrun has started this process and nobody has named devices."""
    if not torch.distributed.is_torchelastic_launched() or devices not in ("auto", None):
        return {}
    here = int(os.environ["LOCAL_WORLD_SIZE"])
    return {"devices": here, "num_nodes": int(os.environ["WORLD_SIZE"]) // here}


def check_processes(trainer: Trainer) -> None:
    """See that the processes there are, or will be, are those that are asked for, and say whom they wait for.

    Raises:
        ValueError: if they are not.
    """
    most = max(2, os.cpu_count() or 1)
    if trainer.strategy.root_device.type == "cpu" and trainer.num_devices > most:
        raise ValueError(f"trainer.devices must be at most {most}, the processors here; got {trainer.num_devices}")
    asked = f"--trainer.devices {trainer.num_devices} --trainer.num_nodes {trainer.num_nodes}"
    if torch.distributed.is_torchelastic_launched():
        started, here = int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
        if trainer.num_devices * trainer.num_nodes != started:
            raise ValueError(
                f"torchrun has started {started} processes, and {asked} asks for "
                f"{trainer.num_devices * trainer.num_nodes}; "
                f"give --trainer.devices {here} --trainer.num_nodes {started // here}"
            )
    elif trainer.num_nodes > 1 and isinstance(trainer.strategy, ParallelStrategy):
        if not isinstance(trainer.strategy.cluster_environment, LightningEnvironment):
            return
        if missing := [name for name in OTHER_MACHINES if name not in os.environ]:
            raise ValueError(
                f"{asked} needs {', '.join(OTHER_MACHINES)} in the environment of each machine, and there is no "
                f"{missing[0]}; start it by torchrun, which sets them, or leave out --trainer.num_nodes"
            )
        if trainer.local_rank == 0:
            address = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
            print(
                f"waiting at {address} for all {trainer.num_nodes} machines, each with a NODE_RANK of its own",
                flush=True,
            )


def ending_together(trainer: Trainer) -> AbstractContextManager[object]:
    """Around what a Trainer does: where it has several processes, any one's end is the end of all."""
    return EndTogether(trainer) if trainer.world_size > 1 else nullcontext()


class EndTogether(Callback):
    """Let the end of any process end all others, with one sentence of one of them.

    Use it as a context manager around what the Trainer does. A process that hears of the end of another one raises an
    error in its turn, where it can: one that waits for an answer of the other one is ended by a thread.

    Args:
        trainer: Its processes, where there are several.

    Raises:
        ChildProcessError: if another process ended.
        SystemExit: if another process has said why.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._is_over = threading.Event()
        self._failure: BaseException | None = None
        self._launcher = leave_the_end_of_processes_alone(trainer)
        self._starter = int(os.environ.get(STARTER, 0)) if self._launcher is None else 0
        if self._launcher:
            file, path = tempfile.mkstemp(prefix="mnist-mlp-")
            os.close(file)
            os.environ |= {STARTER: str(os.getpid()), MAY_SPEAK: path}
        self._token = Path(os.environ.get(MAY_SPEAK, ""))
        self._is_watched = self._launcher is not None or self._starter != 0

    def __enter__(self) -> Self:
        callbacks_of(self._trainer).insert(0, self)
        if self._is_watched:
            threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        others = self._others_end(error) if error else None
        self._is_over.set()
        may_speak = error is None or self._may_speak()
        if self._launcher:  # what the others do from here on is nobody's concern
            self._may_speak()
            del os.environ[STARTER], os.environ[MAY_SPEAK]
        if error is None:
            return
        self._kill_others()
        if not may_speak:
            raise SystemExit(1) from error
        if others:
            raise ChildProcessError(others) from error

    @override
    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._failure = exception  # from here on Lightning, or a callback, may wait for the others

    def _watch(self) -> None:
        """End this process where the main thread does not do so by itself."""
        while not self._is_over.wait(0.2):
            reason = self._end_of_another() or (self._failure and str(self._failure))
            if reason and not self._is_over.wait(SECONDS_TO_END):
                if self._may_speak():
                    print(f"mnist-mlp: error: {self._with_checkpoint(reason)}", file=sys.stderr, flush=True)
                self._kill_others()
                os._exit(1)

    def _others_end(self, error: BaseException) -> str | None:
        """What has ended where that is why there was an error here, or None."""
        if not isinstance(error, torch.distributed.DistError) and "gloo" not in str(error):
            return None
        deadline = time.monotonic() + (SECONDS_TO_NOTICE if self._is_watched else 0)
        while not (found := self._end_of_another()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return self._with_checkpoint(
            found or f"the contact to another of {self._trainer.world_size} processes was lost"
        )

    def _end_of_another(self) -> str | None:
        """Which process of those that this one knows has ended, or None."""
        here = self._trainer.global_rank - self._trainer.local_rank
        named = f"process {{}} of {self._trainer.world_size}, counted from 0,"
        if self._launcher:
            for rank, process in enumerate(self._launcher.procs, start=here + 1):
                if status := process.poll():
                    return f"{named.format(rank)} {_ended(status)}"
        elif self._is_watched and os.getppid() != self._starter:
            return f"{named.format(here)} has ended"
        return None

    def _with_checkpoint(self, sentence: str) -> str:
        if self._trainer.state.fn != "fit":
            return sentence
        return f"{sentence}; the last good checkpoint is {last_good_checkpoint(self._trainer)}"

    def _may_speak(self) -> bool:
        """Whether no process has said yet why the run ended, and this one is to."""
        if not self._is_watched:
            return True
        try:
            self._token.unlink()
        except FileNotFoundError:
            return False
        return True

    def _kill_others(self) -> None:
        for process in self._launcher.procs if self._launcher else []:
            process.kill()


def _ended(status: int) -> str:
    """How a process has ended: by a signal, whose number is then negative, or with a status."""
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
