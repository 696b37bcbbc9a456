import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mnist_mlp.executors.choice import executor_for
from mnist_mlp.executors.local import LocalExecutor


def nap_and_say_who(seconds):
    time.sleep(seconds)
    return os.getpid()


def die_until_there_are(marks, folder):
    """Leave a mark, and be killed where there are fewer than so many."""
    there = len(list(Path(folder).iterdir()))
    (Path(folder) / str(there)).touch()
    if there < marks:
        os.kill(os.getpid(), signal.SIGKILL)
    return there


def fail():
    raise ValueError("this makes no sense")


def test_jobs_share_the_processes():
    with executor_for(2) as executor:
        pids = set(executor.map(nap_and_say_who, [0.05] * 12))
    assert len(pids) == 2
    assert os.getpid() not in pids


def test_one_job_after_another_needs_one_process():
    with LocalExecutor(3) as executor:
        assert len({executor.submit(nap_and_say_who, 0).result() for _ in range(3)}) == 1


def test_an_error_of_a_job_is_its_own():
    with LocalExecutor(1) as executor:
        failed, other = executor.submit(fail), executor.submit(nap_and_say_who, 0)
    assert isinstance(failed.exception(), ValueError)
    assert other.result() > 0


def test_a_job_whose_process_is_killed_starts_again(tmp_path):
    with LocalExecutor(1, attempts=3) as executor:
        killed, other = executor.submit(die_until_there_are, 2, tmp_path), executor.submit(nap_and_say_who, 0)
        assert killed.result() == 2
        assert other.result() > 0


def test_a_job_whose_processes_are_all_killed_fails_in_one_sentence(tmp_path):
    with LocalExecutor(2, attempts=2) as executor:
        killed, *others = executor.submit(die_until_there_are, 9, tmp_path), *(executor.submit(abs, i) for i in (1, 2))
        with pytest.raises(ChildProcessError, match=r"^the process of this job was killed, 2 times: is there"):
            killed.result()
        assert [other.result() for other in others] == [1, 2]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_process_that_is_killed_while_it_waits_is_replaced():
    with LocalExecutor(1) as executor:
        first = executor.submit(os.getpid).result()
        os.kill(first, signal.SIGKILL)
        assert executor.submit(os.getpid).result() not in (first, os.getpid())


def test_jobs_that_wait_can_be_cancelled():
    executor = LocalExecutor(1)
    running, *waiting = (executor.submit(nap_and_say_who, seconds) for seconds in (1, 60, 60))
    while not running.running():
        time.sleep(0.01)
    assert waiting[0].cancel()
    executor.shutdown(cancel_futures=True)
    assert running.result() > 0
    assert waiting[1].cancelled()


def test_an_error_ends_the_jobs_at_once():
    started, futures = time.monotonic(), []
    with pytest.raises(KeyboardInterrupt), LocalExecutor(2) as executor:  # noqa: PT012 - the error is raised within
        futures = [executor.submit(nap_and_say_who, 600) for _ in range(4)]
        while sum(future.running() for future in futures) < 2:
            time.sleep(0.01)
        raise KeyboardInterrupt
    assert time.monotonic() - started < 60
    assert all(future.done() for future in futures)


PARENT = """
import os, time
from mnist_mlp.executors.choice import executor_for

if __name__ == "__main__":
    with executor_for(2) as executor:
        list(executor.map(time.sleep, [1, 1]))  # both have started, and one will have nothing to do
        print(executor.submit(os.getpid).result(), flush=True)
        executor.submit(time.sleep, 600)
"""


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT], ids=lambda each: each.name)
def test_processes_at_work_end_with_the_one_that_started_them(tmp_path, end):
    (tmp_path / "parent.py").write_text(PARENT)
    command = [sys.executable, tmp_path / "parent.py"]
    # Its processes hold the other ends of these pipes, too
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert pid != parent.pid
        time.sleep(0.5)
        if end is signal.SIGINT:
            os.killpg(parent.pid, end)  # as a terminal does
        else:
            parent.send_signal(end)
        try:
            _, errors = parent.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(parent.pid, signal.SIGKILL)
            raise
    assert errors.count("Traceback") == (1 if end is signal.SIGINT else 0), errors
