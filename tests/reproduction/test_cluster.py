"""`mnist-mlp reproduce --cluster` as it is typed: a scheduler and two workers, on two machines where these can be."""

import os
import re
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from shutil import which

import pytest
from dask_cluster import ROOT, DaskCluster, kill
from two_machines import two_machines

from mnist_mlp.reproduction.results import Results

pytest.importorskip("distributed")

ROW = "lecun-300"  # three seeds, each measured on the test images after its last epoch
CONFIG = """
model: {hidden_sizes: [30]}
data: {dataset: digits, batch_size: 10, val_size: 300, steps_per_execution: auto}
trainer: {max_epochs: 30, gradient_clip_val: 100.0}  # clipped, so that they are trained one by one
"""


@pytest.fixture
def folder(tmp_path):
    """The folder that all machines share."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / f"{ROW}.yaml").write_text(CONFIG)
    return tmp_path


def reproduce(folder, *words, inside=()):
    command = [*inside, sys.executable, "-m", "mnist_mlp", "reproduce", ROW, "--configs=configs", *words]
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def series_in(folder, name="logs/reproduction.json"):
    runs = Results(folder / name, folder / "configs").runs(ROW)
    return {seed: run.series for seed, run in runs.items()}


def wait_until_workers_train(folder, process, n):
    """Wait until so many trainings that are not done have written a checkpoint."""
    for _ in range(600):
        assert process.poll() is None, process.communicate()
        with suppress(FileNotFoundError):  # what is done is removed
            if len({path.parts[-5] for path in folder.rglob("last.ckpt")}) >= n:
                return
        time.sleep(0.1)
    raise AssertionError("nothing was trained")


@pytest.fixture
def undisturbed(folder):
    process = reproduce(folder, "--json=undisturbed.json")
    said, _ = process.communicate(timeout=300)
    assert len(series_in(folder, "undisturbed.json")) == 3, said
    return series_in(folder, "undisturbed.json")


def test_a_worker_that_is_killed_while_it_trains_costs_nothing(folder, undisturbed):
    with ExitStack() as stack:
        first, second = stack.enter_context(two_machines())
        cluster = stack.enter_context(DaskCluster(folder, first.address, first.inside))
        for machine in (first, second):
            cluster.worker(inside=machine.inside)
        process = reproduce(folder, f"--cluster={cluster.address}", inside=first.inside)
        wait_until_workers_train(folder, process, 2)
        second.kill_all()
        versions = set()  # of the folders of runs, which a training that is gone on with does not add to
        while process.poll() is None:
            with suppress(FileNotFoundError):  # what is done is removed
                versions |= {path.name for path in folder.glob(f"logs/reproduction/*/{ROW}/version_*")}
            time.sleep(0.02)
        said, _ = process.communicate()
    assert versions == {"version_0"}
    assert len(re.findall(rf"^{ROW}, seed \d: ", said, flags=re.MULTILINE)) == 3, said
    assert series_in(folder) == undisturbed


def test_a_scheduler_that_goes_away_leaves_what_was_trained(folder):
    with DaskCluster(folder) as cluster:
        cluster.worker()
        process = reproduce(folder, f"--cluster={cluster.address}")
        while not series_in(folder) and process.poll() is None:
            time.sleep(0.1)
        kill(cluster.scheduler)
        said, _ = process.communicate(timeout=120)
    last = said.strip().splitlines()[-1]
    assert last == f"mnist-mlp: error: the scheduler at {cluster.address} went away; what was done until then is kept"
    assert "Traceback" not in said
    assert process.returncode == 1
    assert 0 in series_in(folder)
    process = reproduce(folder)
    process.communicate(timeout=300)
    assert len(series_in(folder)) == 3


@pytest.mark.skipif(os.geteuid() != 0 or not which("unshare"), reason="only root can give a worker a small disk")
def test_a_full_disk_at_a_worker_is_one_sentence_and_loses_nothing(folder):
    (folder / "logs").mkdir()
    small_disk = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=16k none logs && exec "$@"', "sh")
    with DaskCluster(folder) as cluster:
        cluster.worker(inside=small_disk)
        said, _ = reproduce(folder, f"--cluster={cluster.address}").communicate(timeout=300)
    assert len(re.findall(rf"^{ROW}, seeds \d: OSError: no space is left ", said, flags=re.MULTILINE)) == 3, said
    assert "Traceback" not in said
    assert series_in(folder) == {}


def test_workers_without_the_images_are_refused_before_anything_is_trained(folder):
    (folder / "configs" / f"{ROW}.yaml").write_text(CONFIG.replace("digits", "mnist"))
    nowhere = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    with DaskCluster(folder) as cluster:
        cluster.worker(MNIST_MLP_DATA_DIR=str(folder / "empty"), **nowhere)
        process = reproduce(folder, f"--cluster={cluster.address}")
        said, _ = process.communicate(timeout=120)
    last = said.strip().splitlines()[-1]
    assert re.match(r"mnist-mlp: error: the worker at tcp://\S+ cannot run these jobs: mnist is not in \S+/empty", last)
    assert process.returncode == 1
    assert not list(folder.rglob("*.ckpt"))
