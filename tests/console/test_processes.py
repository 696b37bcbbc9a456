import os
import signal
import subprocess
import sys
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


PARENT = """
import os, time
from mnist_mlp.console.processes import own_process

if __name__ == "__main__":
    with own_process() as process:
        print(process.submit(os.getpid).result(), flush=True)
        process.submit(time.sleep, 600).result()
"""


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_process_at_work_ends_with_the_one_that_started_it(tmp_path, end):
    (tmp_path / "parent.py").write_text(PARENT)
    with subprocess.Popen([sys.executable, tmp_path / "parent.py"], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        parent.send_signal(end)
        try:
            parent.communicate(timeout=20)  # the process holds the other end of this pipe, too
        except subprocess.TimeoutExpired:
            os.kill(pid, signal.SIGKILL)
            raise
