"""The lines of the README, as they stand there: only addresses, rows, cores and the queue are the test's own."""

import os
import re
import shlex
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest
from dask_cluster import ROOT, kill
from two_machines import two_machines

README = (ROOT / "mnist_mlp" / "executors" / "README.md").read_text()
ROW = "lecun-300"
CONFIG = "model: {hidden_sizes: [10]}\ndata: {dataset: digits, val_size: 300}\ntrainer: {max_epochs: 1}\n"
MNIST_MLP = (sys.executable, "-m", "mnist_mlp")
QUEUE = '#!/bin/sh\ncp "$1" job.sh\nsh job.sh > job.log 2>&1 &\necho "Submitted batch job $!"\n'


def line_with(word):
    """The line of a block of shell that has a word."""
    (line,) = (line for line in re.findall(r"^(?:dask|mnist-mlp) .*", README, flags=re.MULTILINE) if word in line)
    return line


def command(line, machine):
    """What is to be typed on a machine of the test."""
    line = line.replace("10.0.0.1", "10.77.0.1").replace("--nworkers 4", "")
    words = shlex.split(line.replace("--all", f"{ROW} --configs . --seeds 1"))
    return [*machine.inside, sys.executable, "-m", *({"mnist-mlp": "mnist_mlp"}.get(w, w) for w in words)]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / f"{ROW}.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def environment():
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def test_the_lines_for_a_lab_of_machines(folder, environment):
    pytest.importorskip("distributed")
    with ExitStack() as stack:
        first, second = stack.enter_context(two_machines())
        for line, machine in (("scheduler", first), ("worker", second)):
            log = stack.enter_context((folder / f"{line}.log").open("w"))
            words = command(line_with(f"dask {line}"), machine)
            process = subprocess.Popen(
                words, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
            )
            stack.callback(kill, process)
            while not re.search("Scheduler at|Starting established", (folder / f"{line}.log").read_text()):
                assert process.poll() is None
                time.sleep(0.1)
        words = command(line_with("--cluster"), first)
        ran = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=240)
    assert f"{ROW}, seed 0: " in ran.stdout, ran


def test_the_lines_for_a_queue(folder, environment):
    """A queue of the test's own starts at once what it is given, from a copy, since Dask removes its script."""
    pytest.importorskip("dask_jobqueue")
    (block,) = re.findall(r"^```py\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    for name, content in (("sbatch", QUEUE), ("scancel", '#!/bin/sh\nkill "$@"\n')):
        (folder / name).write_text(content)
        (folder / name).chmod(0o755)
    environment["PATH"] = f"{folder}:{environment['PATH']}"
    with subprocess.Popen(
        [sys.executable, "-i", "-c", block.replace("40", "1")],
        cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, start_new_session=True,
    ) as python:  # fmt: skip
        assert python.stdout
        address = python.stdout.readline().strip()
        words = [*MNIST_MLP, "reproduce", ROW, "--configs=.", "--seeds=1", f"--cluster={address}"]
        ran = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=240)
        kill(python)
    assert f"{ROW}, seed 0: " in ran.stdout, (ran, (folder / "job.log").read_text())
    assert "--nthreads 1 " in (folder / "job.sh").read_text()
