"""Commands in processes forked from one that has imported torch already: real processes, without seconds of imports."""

import atexit
import contextlib
import gc
import io
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).parents[2]
SECONDS_TO_END = 3.0
MEMORY = 4 * 2**30  # bytes that a command may ask for, besides what its imports take
SMALL = [
    "--model.hidden_sizes=[3]",
    "--data.dataset=digits",
    "--data.train_size=40",
    "--data.val_size=20",
    "--data.batch_size=10",
    "--trainer.max_epochs=2",
    "--trainer.accelerator=cpu",
    "--trainer.enable_progress_bar=false",
    "--name=small",
]


class Ended(NamedTuple):
    """How a command ended.

    Attributes:
        status: Its exit status, or the negative number of the signal that ended it.
        said: Its standard output.
        errors: Its standard error.
        seconds: What it took.
        hung: Whether it had to be killed, since it took too long.
        left_behind: Whether a process that it had started was there after its end.
    """

    status: int
    said: str
    errors: str
    seconds: float
    hung: bool
    left_behind: bool


class Commands:
    """Runs `mnist-mlp` with given arguments, each time in a process of its own."""

    def __init__(self):
        self._environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", "PYTHONPATH": str(REPOSITORY)}
        words, pipe = [sys.executable, __file__], subprocess.PIPE
        self._server = subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True, env=self._environment)

    def run(self, args, folder, limit=60.0, stop=None):
        """Run one command.

        Args:
            args: What is typed after `mnist-mlp`.
            folder: Where.
            limit: Seconds after which it hangs.
            stop: After how many seconds which signal is sent to it; by default none is.
        """
        assert self._server.stdin
        assert self._server.stdout
        json.dump([list(args), str(folder), limit, stop], self._server.stdin)
        self._server.stdin.write("\n")
        self._server.stdin.flush()
        return Ended(*json.loads(self._server.stdout.readline()))

    def run_anew(self, args, folder, limit=120.0, stop=None):
        """The same in a process that a user would start, which imports all anew."""
        words = [sys.executable, "-m", "mnist_mlp", *args]
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as errors:
            started = time.monotonic()
            process = subprocess.Popen(
                words,
                cwd=folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=errors,
                start_new_session=True,
            )
            ended = ended_as(process.pid, started, said, errors, limit, stop)
            process.returncode = ended.status  # for it was waited for here
            return ended

    def end(self):
        self._server.communicate()


def serve():
    """Fork a process for each line, and say how it ended."""
    from mnist_mlp.cli import main

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), redirect_stdout(io.StringIO()):
        main(["fit", *SMALL])  # imports, and reads the signatures of, all that a command needs
        for command in ("test", "predict", "export --format npz", "report logs"):
            with contextlib.suppress(SystemExit):
                main([*command.split()])
    gc.freeze()  # else the memory of all that was imported is copied for each process
    for line in sys.stdin:
        args, folder, limit, stop = json.loads(line)
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as errors:
            started = time.monotonic()
            process = os.fork()
            if process == 0:
                become(args, folder, said, errors)
                os._exit(run_to_the_end(main))
            print(json.dumps(ended_as(process, started, said, errors, limit, stop)), flush=True)


def ended_as(process, started, said, errors, limit, stop):
    """Wait for a process, and say how it ended."""
    status, hung = wait_for(process, started, limit, stop)
    seconds = time.monotonic() - started
    texts = [os.pread(file.fileno(), 10**7, 0).decode(errors="replace") for file in (said, errors)]
    return Ended(status, texts[0], texts[1], seconds, hung, kill_all_of(process))


def become(args, folder, said, errors):
    """Let this process be that of a command."""
    os.setsid()
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(said.fileno(), 1)
    os.dup2(errors.fileno(), 2)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    sys.argv = [str(Path(sys.executable).with_name("mnist-mlp")), *args]


def run_to_the_end(main):
    """Its exit status, after all that an interpreter does at its end but freeing its memory, which is shared."""
    status = 0
    try:
        main()
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else int(bool(stop.code))
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        status = 1
    getattr(threading, "_shutdown")()  # noqa: B009
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def wait_for(process, started, limit, stop):
    """Its status, and whether it had to be killed."""
    hung = False
    while True:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status), hung
        passed = time.monotonic() - started
        if stop and passed >= stop[0]:
            os.kill(process, stop[1])
            stop = None
        if passed > limit:
            hung = True
            os.killpg(process, signal.SIGKILL)
        time.sleep(0.001)


def kill_all_of(process):
    """Kill what a process has left behind and does not end by itself; whether there was something."""
    with contextlib.suppress(ProcessLookupError):
        for _ in range(100):
            os.killpg(process, 0)
            time.sleep(SECONDS_TO_END / 100)
        os.killpg(process, signal.SIGKILL)
        return True
    return False


if __name__ == "__main__":
    serve()
