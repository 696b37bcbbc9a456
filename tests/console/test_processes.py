import os
import signal
from concurrent.futures.process import BrokenProcessPool

import pytest

from mnist_mlp.console.processes import own_process


def test_work_runs_in_one_other_process():
    with own_process() as process:
        first, second = process.submit(os.getpid).result(), process.submit(os.getpid).result()
    assert first == second != os.getpid()


def test_a_process_that_is_killed_leaves_this_one_alone():
    with own_process() as process:
        pid = process.submit(os.getpid).result()
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(BrokenProcessPool):
            process.submit(os.getpid).result()
