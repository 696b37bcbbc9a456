import os
import re
import signal
import socket
import time
from concurrent.futures import BrokenExecutor, Future
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


def test_a_result_that_dask_takes_for_an_error_is_asked_for_again():
    """As where a worker dies just when the result arrives."""

    class TakesForAnError:
        asked = 0

        def submit(self, run, source, function, args, kwargs):
            self.asked += 1
            remote: Any = Future()
            try:
                done: Any = cluster.Done(function(*args, **kwargs))
                if self.asked == 1:
                    _, _, _ = done  # as it does
                remote.set_result(done)
            except TypeError as error:
                remote.set_exception(error)
            return remote

    executor = TakesForAnError()
    client: Any = SimpleNamespace(scheduler=None, get_executor=lambda pure: executor, close=lambda: None)
    with cluster.ClusterExecutor(client) as jobs:
        assert jobs.submit(abs, -3).result(timeout=5) == 3
        assert executor.asked == 2
        with pytest.raises(TypeError, match="bad operand"):
            jobs.submit(abs, cast(Any, "x")).result(timeout=5)


class OneWorkerOfDask:
    """Dies at a job that is deadly, and whatever waits counts as killed, too, as where Dask gives its last try."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Any, Any, Future[Any]]] = []
        self.rounds: list[list[int]] = []

    def submit(self, run, source, function, args, kwargs):
        remote: Any = Future()
        (number,) = args
        self.waiting.append((function, number, remote))
        return remote

    def work(self) -> None:
        while self.waiting:
            given, self.waiting = self.waiting, []
            self.rounds.append([number for _, number, _ in given])
            dies = any(function is kill for function, _, _ in given)
            for function, number, remote in given:
                if remote.cancelled():
                    continue
                if dies:
                    remote.set_exception(type("KilledWorker", (Exception,), {})())
                else:
                    remote.set_result(cluster.Done(function(number)))


def one_worker() -> tuple[OneWorkerOfDask, cluster.ClusterExecutor]:
    worker = OneWorkerOfDask()
    client: Any = SimpleNamespace(scheduler=None, get_executor=lambda pure: worker, close=lambda: None)
    return worker, cluster.ClusterExecutor(client)


def test_jobs_that_waited_where_another_killed_the_worker_are_done():
    worker, jobs = one_worker()
    others = [jobs.submit(abs, -number) for number in (1, 2)]
    deadly = [jobs.submit(cast(Any, kill), 5), jobs.submit(cast(Any, kill), 6)]
    worker.work()
    assert worker.rounds == [[-1, -2, 5, 6], [-1], [-2], [5], [6]]  # the second time each of them is alone
    assert [other.result(timeout=0) for other in others] == [1, 2]
    for each in deadly:
        with pytest.raises(ChildProcessError, match=r"^every worker that ran this job was killed"):
            each.result(timeout=0)


def test_what_is_given_up_is_not_tried_alone():
    worker, jobs = one_worker()
    running = jobs.submit(abs, -1)
    held, worker.waiting = worker.waiting, []
    suspects = [jobs.submit(cast(Any, kill), number) for number in (5, 6, 7)]
    worker.work()
    assert worker.rounds == [[5, 6, 7]]  # they wait for the one that runs
    suspects[0].cancel()
    assert worker.waiting == []
    jobs.shutdown(cancel_futures=True)
    assert running.cancelled()
    assert all(each.cancelled() for each in suspects)
    assert worker.waiting == []
    assert held[0][2].cancelled()


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


def test_a_job_for_a_scheduler_that_went_away_long_ago_is_one_sentence():
    """Dask's client waits for it for some seconds, and takes nothing more after these."""

    def closed(*job: object) -> None:
        raise distributed.client.ClosedClientError("Client is closed")

    client: Any = SimpleNamespace(
        scheduler=SimpleNamespace(address="tcp://10.0.0.1:8786"),
        get_executor=lambda pure: SimpleNamespace(submit=closed),
        close=lambda: None,
    )
    with cluster.ClusterExecutor(client) as jobs:
        lost = jobs.submit(abs, -1)
        with pytest.raises(BrokenExecutor, match=r"^the scheduler at tcp://10.0.0.1:8786 went away"):
            lost.result(timeout=0)
