import asyncio
import os
import re
import signal
import socket
import time
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor, wait
from functools import partial
from shutil import copytree
from threading import Thread
from types import SimpleNamespace
from typing import Any, cast

import pytest
from dask_cluster import ROOT, DaskCluster, kill

from mnist_mlp.executors import cluster
from mnist_mlp.executors.choice import executor_for

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # Dask's, where a scheduler went away

WITHOUT_THIS_PROJECT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "mnist_mlp":
            raise ModuleNotFoundError("No module named 'mnist_mlp'")

sys.meta_path.insert(0, Absent())
"""


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    with DaskCluster(tmp_path_factory.mktemp("cluster")) as running:
        running.worker()
        running.worker()
        with executor_for(1, running.address) as executor:
            cast(Any, executor)._client.wait_for_workers(2, timeout=60)
        yield running


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(cluster, "SECONDS_TO_CONNECT", 1)
    monkeypatch.setattr(cluster, "SECONDS_FOR_WORKERS", 1)


def test_jobs_run_on_the_workers_and_results_arrive_once(two_workers):
    with executor_for(1, two_workers.address) as executor:
        futures = [executor.submit(time.sleep, 0.1) for _ in range(10)]
        pids = {executor.submit(os.getpid).result() for _ in range(4)}
        failed = executor.submit(int, "much")
    assert all(future.done() and future.result() is None for future in futures)
    assert os.getpid() not in pids
    with pytest.raises(ValueError, match="invalid literal"):
        failed.result()


def test_a_job_runs_in_the_one_thread_that_does_the_work(two_workers):
    """A worker of Dask is a daemon, which may have no children: it trains itself, and its heart beats beside."""
    with executor_for(1, two_workers.address) as executor:
        names = {executor.submit(partial(eval, "__import__('threading').current_thread().name")).result()}
    assert all("Dask-Default-Threads" in name for name in names)


def test_a_job_that_kills_its_workers_fails_and_the_others_are_done(two_workers):
    with executor_for(1, two_workers.address) as executor:  # some of the others wait on a worker that is killed
        deadly = executor.submit(signal.raise_signal, signal.SIGKILL)
        others = [executor.submit(abs, -i) for i in range(5)]
        assert [other.result() for other in others] == [0, 1, 2, 3, 4]
        with pytest.raises(ChildProcessError, match=r"^every worker that ran this job was killed"):
            deadly.result()


def to_its_end(coroutine: Any) -> None:
    """Run a coroutine, as Dask's thread does; this thread may have an event loop, that of the tests' browser."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, coroutine).result()


class DaskOfOneWorker:
    """A client of Dask whose worker dies at a job that is deadly; whatever waits there counts as killed, too."""

    def __init__(self) -> None:
        self.scheduler = SimpleNamespace(address="tcp://10.0.0.1:8786")
        self.loop = SimpleNamespace(add_callback=lambda wait_for, *args: self.ends.append(wait_for(*args)))
        self.waiting: list[RemoteJob] = []
        self.ends: list[Any] = []
        self.rounds: list[list[int]] = []

    def submit(self, run, source, function, args, kwargs, pure):
        self.waiting.append(RemoteJob(function, *args))
        return self.waiting[-1]

    def close(self) -> None:
        self.work()

    def work(self) -> None:
        while self.waiting:
            jobs, ends, self.waiting, self.ends = self.waiting, self.ends, [], []
            self.rounds.append([job.number for job in jobs if not job.cancelled])
            dies = any(job.function is kill and not job.cancelled for job in jobs)
            for job, end in zip(jobs, ends, strict=True):
                job.dies = dies
                to_its_end(end)


class RemoteJob:
    """What Dask's client gives for a job."""

    cancelled = dies = False

    def __init__(self, function, number):
        self.function, self.number = function, number

    def cancel(self):
        self.cancelled = True

    def __await__(self):
        if self.cancelled:
            raise asyncio.CancelledError
        if self.dies:
            raise distributed.KilledWorker("a job", cast(Any, None), 3)
        return self.function(self.number)
        yield


@pytest.fixture
def dask() -> Any:
    return DaskOfOneWorker()


def test_jobs_that_waited_where_another_killed_the_worker_are_done(dask):
    jobs = cluster.ClusterExecutor(dask)
    others = [jobs.submit(abs, -number) for number in (1, 2)]
    deadly = [jobs.submit(cast(Any, kill), 5), jobs.submit(cast(Any, kill), 6)]
    dask.work()
    assert dask.rounds == [[-1, -2, 5, 6], [-1], [-2], [5], [6]]  # the second time each of them is alone
    assert [other.result(timeout=0) for other in others] == [1, 2]
    for each in deadly:
        with pytest.raises(ChildProcessError, match=r"^every worker that ran this job was killed"):
            each.result(timeout=0)
    jobs.shutdown()


def test_a_job_beside_which_another_was_submitted_was_not_alone(dask):
    jobs = cluster.ClusterExecutor(dask)
    later: list[Future[Any]] = []
    first = jobs.submit(abs, -1)
    first.add_done_callback(lambda done: later.append(jobs.submit(cast(Any, kill), 6)))
    suspect, deadly = jobs.submit(abs, -2), jobs.submit(cast(Any, kill), 5)
    dask.work()
    assert dask.rounds == [[-1, -2, 5], [-1], [-2, 6], [5], [-2], [6]]
    assert suspect.result(timeout=0) == 2
    assert [type(each.exception(timeout=0)) for each in (deadly, *later)] == [ChildProcessError] * 2


def test_what_is_given_up_is_not_tried_alone(dask):
    jobs = cluster.ClusterExecutor(dask)
    running = jobs.submit(abs, -1)
    held = dask.waiting.pop(), dask.ends.pop()
    suspects = [jobs.submit(cast(Any, kill), number) for number in (5, 6, 7)]
    dask.work()
    assert dask.rounds == [[5, 6, 7]]  # they wait for the one that runs
    suspects[0].cancel()
    assert wait([suspects[0]], timeout=0).not_done == set()
    assert dask.waiting == []
    jobs.shutdown(cancel_futures=True)
    assert dask.waiting == []
    assert held[0].cancelled
    to_its_end(held[1])
    assert running.cancelled()
    assert wait([running, *suspects], timeout=0).not_done == set()


def test_a_job_that_is_given_up_just_when_it_becomes_a_suspect_is_no_suspect(dask):
    jobs = cluster.ClusterExecutor(dask)
    job, _ = jobs.submit(cast(Any, kill), 5), jobs.submit(abs, -1)
    dask.waiting[0].cancel = lambda: None  # it is killed before Dask hears of it
    job.cancel()
    dask.work()
    assert dask.rounds == [[5, -1], [-1]]
    assert wait([job], timeout=0).not_done == set()


def test_an_error_of_dasks_own_ends_its_job(dask):
    """As where a result is lost on its way, and the job that is to be done again fails."""
    jobs = cluster.ClusterExecutor(dask)
    lost = jobs.submit(abs, cast(Any, "x"))
    dask.work()
    with pytest.raises(TypeError, match="bad operand"):
        lost.result(timeout=0)


def test_jobs_are_given_up_with_an_error(two_workers):
    started, futures = time.monotonic(), []
    with pytest.raises(KeyboardInterrupt), executor_for(1, two_workers.address) as executor:  # noqa: PT012
        futures = [executor.submit(time.sleep, 3) for _ in range(40)]
        raise KeyboardInterrupt
    assert time.monotonic() - started < 60
    assert all(future.cancelled() for future in futures)


@pytest.mark.parametrize("address", ["", "5", "somewhere", "http://10.0.0.1", "tcp://10.0.0.1", "a b:8786"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(
        ValueError, match=re.escape(f"cluster must be an address such as tcp://10.0.0.1:8786; got {address!r}")
    ):
        executor_for(1, address)


def test_an_address_where_nobody_listens_is_refused(impatient):
    with pytest.raises(ConnectionError, match=r"^no scheduler of Dask answers at tcp://127\.0\.0\.1:9: start"):
        executor_for(1, "tcp://127.0.0.1:9")
    for address in ("http://127.0.0.1:9", "tcp://127.0.0.1:99999"):
        with pytest.raises(ConnectionError, match=f"^no scheduler of Dask answers at {address}"):
            executor_for(1, address)


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes(64), b"\xff" * 64], ids=repr)
def test_an_address_where_another_program_listens_is_refused(impatient, says):
    with socket.create_server(("127.0.0.1", 0)) as other:
        Thread(target=lambda: other.accept()[0].sendall(says), daemon=True).start()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(ConnectionError, match=f"^no scheduler of Dask answers at {address}"):
            executor_for(1, address)


def test_no_client_is_made_before_the_scheduler_has_answered(impatient, monkeypatch):
    """One that is left over closes itself in the thread of the next one, which then waits for ever."""
    made = []
    monkeypatch.setattr("distributed.Client", lambda *args, **settings: made.append(args))
    with pytest.raises(ConnectionError):
        executor_for(1, "tcp://127.0.0.1:9")
    assert made == []


def test_what_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"needs Dask, .* pip install 'mnist-mlp\[cluster\]'"):
        executor_for(1, "tcp://127.0.0.1:9")


def test_a_scheduler_without_workers_is_refused_after_a_while(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cluster, "SECONDS_FOR_WORKERS", 1)
    monkeypatch.setattr(cluster, "SECONDS_TO_CONNECT", 60)
    with DaskCluster(tmp_path) as running:
        address = running.address
        with pytest.raises(ConnectionError, match=f"^{address} has no workers: start `dask worker {address} --nth"):
            executor_for(1, address)
    assert f"waiting 1 s for workers of {address}" in capsys.readouterr().err


def test_workers_that_cannot_run_jobs_are_refused(tmp_path, monkeypatch):
    """Each in its turn, on one scheduler."""
    monkeypatch.setattr(cluster, "SECONDS_FOR_WORKERS", 60)
    monkeypatch.setattr(cluster, "SECONDS_TO_CONNECT", 60)
    other = tmp_path / "other"
    copytree(ROOT / "mnist_mlp", other / "mnist_mlp")
    with (other / "mnist_mlp" / "plain_values.py").open("a") as module:
        module.write("# one more line\n")
    (tmp_path / "preloaded.py").write_text(WITHOUT_THIS_PROJECT)
    with DaskCluster(tmp_path) as running:
        for worker, check, complaint in (
            (partial(running.worker, source=other), None, "has another version of mnist_mlp: install there"),
            (partial(running.worker, "--preload=preloaded.py"), None, "has no mnist_mlp: install there"),
            (partial(running.worker, "--nthreads=2"), None, "has 2 threads, .* start it with --nthreads 1"),
            (running.worker, cast(Any, partial(os.stat, "/nowhere")), "cannot run these jobs: .*/nowhere"),
        ):
            process = worker()
            with pytest.raises(ValueError, match=rf"^the worker at tcp://127.0.0.1:\d+ {complaint}"):
                executor_for(1, running.address, check)
            kill(process)
            time.sleep(0.5)


def test_a_worker_that_comes_late_is_looked_at_too(two_workers, monkeypatch):
    with executor_for(1, two_workers.address) as executor:
        assert executor.submit(abs, -1).result() == 1
        monkeypatch.setattr(cluster, "source_digest", lambda: "that of another version")
        with pytest.raises(ValueError, match=r"^the worker at tcp://127.0.0.1:\d+ has another version of mnist_mlp"):
            executor.submit(abs, -1).result()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM], ids=lambda each: each.name)
def test_a_scheduler_that_goes_away_is_one_sentence(tmp_path, monkeypatch, end):
    monkeypatch.setattr(cluster, "SECONDS_FOR_WORKERS", 60)
    monkeypatch.setattr(cluster, "SECONDS_TO_CONNECT", 60)
    with DaskCluster(tmp_path) as running:
        running.worker()
        with executor_for(1, running.address) as executor:
            done, running_job, waiting = executor.submit(abs, -1), *(executor.submit(time.sleep, 60) for _ in range(2))
            assert done.result() == 1
            running.scheduler.send_signal(end)
            for lost in (running_job, waiting):
                with pytest.raises(BrokenExecutor, match=f"^the scheduler at {running.address} went away"):
                    lost.result(timeout=60)
            assert isinstance(lost.exception(), OSError)


def test_a_job_for_a_scheduler_that_went_away_long_ago_is_one_sentence(dask):
    """Dask's client waits for it for some seconds, and takes nothing more after these."""

    def closed(*job: object, pure: bool) -> None:
        raise distributed.client.ClosedClientError("Client is closed")

    dask.submit = closed
    with cluster.ClusterExecutor(dask) as jobs:
        lost = jobs.submit(abs, -1)
        with pytest.raises(BrokenExecutor, match=r"^the scheduler at tcp://10.0.0.1:8786 went away"):
            lost.result(timeout=0)
