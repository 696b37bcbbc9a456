"""Two machines that train together, each with a disk of its own, started by torchrun as the README says."""

import os
import subprocess
import sys
import time

import pytest
import torch
from two_machines import two_machines

RECIPE = ["--config", "quickstart.yaml", "--trainer.accelerator=cpu", "--trainer.enable_progress_bar=false"]
QUICKSTART = """
name: two
data: {dataset: digits, batch_size: 16, val_size: 300, steps_per_execution: auto}
model: {hidden_sizes: [20], gradients: manual}
"""


def started(machine, rank, address, folder, *settings):
    """The training of one machine, in a folder of its own."""
    folder.mkdir()
    (folder / "quickstart.yaml").write_text(QUICKSTART)
    torchrun = ["-m", "torch.distributed.run", "--nnodes=2", f"--node-rank={rank}", f"--master-addr={address}"]
    return subprocess.Popen(
        [*machine.inside, sys.executable, *torchrun, "-m", "mnist_mlp", "fit", *RECIPE, *settings],
        cwd=folder,
        env={**os.environ, "GLOO_SOCKET_IFNAME": machine.interface, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def two(tmp_path):
    """Starts the training of both machines; none of their processes outlives the test."""
    running = []
    with two_machines() as machines:

        def start(*settings):
            address = machines[0].address
            for rank, (machine, name) in enumerate(zip(machines, ("first", "second"), strict=True)):
                running.append((machine, started(machine, rank, address, tmp_path / name, *settings)))
            return running

        yield start
        for machine, process in running:
            machine.kill_all()
            process.communicate()


def checkpoint(folder):
    return torch.load(folder / "logs/two/version_0/checkpoints/last.ckpt", weights_only=True)


def test_two_machines_train_what_two_processes_of_one_train(two, tmp_path):
    said = []
    for _, process in two("--trainer.max_epochs=2"):
        out, error = process.communicate(timeout=240)
        assert process.returncode == 0, error
        said.append(out)
    assert ["best val/acc" in out for out in said] == [True, False]
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "quickstart.yaml").write_text(QUICKSTART)
    settings = [*RECIPE, "--trainer.max_epochs=2", "--trainer.devices=2"]
    subprocess.run([sys.executable, "-m", "mnist_mlp", "fit", *settings], cwd=alone, check=True, timeout=240)
    one, other = (checkpoint(folder)["state_dict"] for folder in (tmp_path / "first", alone))
    assert all(torch.equal(one[name], value) for name, value in other.items())
    assert not (tmp_path / "second" / "logs").exists()


def test_a_machine_that_dies_ends_the_other_with_a_sentence_and_a_good_checkpoint(two, tmp_path):
    (_, first), (machine, _) = two("--trainer.max_epochs=100000")
    last = tmp_path / "first/logs/two/version_0/checkpoints/last.ckpt"
    deadline = time.monotonic() + 120
    while not last.exists():
        assert time.monotonic() < deadline
        assert first.poll() is None
        time.sleep(0.2)
    killed = time.monotonic()
    machine.kill_all()
    _, error = first.communicate(timeout=120)
    assert time.monotonic() - killed < 60
    assert first.returncode != 0
    (sentence,) = (line for line in error.splitlines() if line.startswith("mnist-mlp: error: "))
    assert "the contact to another of 2 processes was lost; the last good checkpoint is" in sentence
    assert checkpoint(tmp_path / "first")["epoch"] >= 0
