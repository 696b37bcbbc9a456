"""Two processes that share the images, started as users start them: by `--trainer.devices 2`."""

import re
import shutil
import signal
import subprocess
import sys
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from mnist_mlp.dashboard.run_log import read_run
from mnist_mlp.data.module import MNISTDataModule
from mnist_mlp.fit import prepare

CALM = ["--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false", "--data.val_size", "299"]
TWO = ["--trainer.devices", "2"]


@pytest.fixture
def runs(digits_run, tmp_path, monkeypatch):
    """A folder of its own, with a run in logs/."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(digits_run, tmp_path / "logs")
    return tmp_path / "logs"


def said_by_one(capfd, command):
    prepare(command, typed=CALM).execute()
    return capfd.readouterr().out


def said_by_two(*words):
    args = [sys.executable, "-m", "mnist_mlp", *words, *CALM, *TWO]
    return subprocess.run(args, capture_output=True, text=True, check=True, timeout=240).stdout


def test_predict_gathers_the_images_of_both_and_writes_once(runs, capfd, without_shape_checks):
    (folder,) = runs.glob("*/version_0")
    one = said_by_one(capfd, "predict")
    table = (folder / "predictions.csv").read_text()
    (folder / "predictions.csv").unlink()
    assert said_by_two("predict") == one
    assert "299 validation images, 9" in one
    assert (folder / "predictions.csv").read_text() == table


@pytest.mark.parametrize("command", ["validate", "test"])
def test_both_measure_what_one_measures_and_say_so_once(runs, capfd, without_shape_checks, command):
    one, two = said_by_one(capfd, command), said_by_two(command)
    number = r"\d+\.\d+(?:e-\d+)?"
    assert re.sub(number, "", two).split() == re.sub(number, "", one).split()
    expected = [float(found) for found in re.findall(number, one)]
    assert len(expected) == 2
    assert [float(found) for found in re.findall(number, two)] == pytest.approx(expected, rel=1e-6)


def test_images_that_are_too_few_to_be_shared_are_refused(tiny_mnist):
    data = MNISTDataModule(val_size=2, batch_size=8)
    data.setup("fit")
    strategy = SimpleNamespace(root_device=torch.device("cpu"))
    data.trainer = cast(Any, SimpleNamespace(global_rank=0, world_size=3, strategy=strategy))
    with pytest.raises(ValueError, match="3 processes cannot share 2 images of mnist; use at most 2"):
        data.val_dataloader()


def test_the_dashboard_shows_the_gradients_of_the_images_of_both(tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)
    recipe = ["--model.hidden_sizes=[6]", "--data.dataset=digits", "--trainer.max_epochs=1"]
    prepare("fit", typed=[*recipe, "--name=one", "--data.batch_size=32", *CALM]).execute()
    said_by_two("fit", *recipe, "--name=two", "--data.batch_size=16")
    one, two = (read_run(tmp_path / "logs" / name / "version_0").scalars for name in ("one", "two"))
    tags = [f"{kind}/layer_{layer}" for kind in ("gradient_norm", "update_ratio") for layer in (1, 2)]
    expected, found = ([curves[tag][1][0] for tag in tags] for curves in (one, two))
    assert found == pytest.approx(expected, rel=1e-5)


SCRIPT = """
import itertools, os, signal, sys
from lightning import Callback
from mnist_mlp.cli import main
from mnist_mlp.fit import command, prepare

rank, how, in_a_block = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "in a block"
if how == "never joins" and int(os.environ.get("LOCAL_RANK", 0)) == rank:
    os._exit(3)

class End(Callback):
    needs_single_steps = not in_a_block

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if not in_a_block:
            self.end(trainer, batch_idx)

    def watch_steps(self, model, step):
        numbers = itertools.count()

        def watched(*tensors):
            step(*tensors)
            self.end(model.trainer, next(numbers))

        return watched

    def end(self, trainer, mini_batch):
        if (trainer.current_epoch, mini_batch, trainer.global_rank) == (2, 3, rank):
            if how == "error":
                raise OSError("the disk of process 1 is full")
            os.kill(os.getpid(), getattr(signal, how))

def fit(args):
    prepare("fit", typed=args, callbacks=[End()]).execute()

command.fit = fit
main(["fit", *sys.argv[4:]])
"""

INTERRUPTED = "the run was interrupted; "
LAST = "; the last good checkpoint is logs/two/version_0/checkpoints/last.ckpt"


@pytest.mark.parametrize(
    ("rank", "how", "where", "sentence"),
    [
        (1, "SIGKILL", "in a block", f"process 1 of 2, counted from 0, was ended by SIGKILL{LAST}"),
        (0, "SIGKILL", "in a block", f"process 0 of 2, counted from 0, has ended{LAST}"),
        (1, "SIGKILL", "between mini-batches", f"process 1 of 2, counted from 0, was ended by SIGKILL{LAST}"),
        (0, "SIGTERM", "between mini-batches", INTERRUPTED),
        (1, "SIGTERM", "between mini-batches", INTERRUPTED),
        (1, "error", "in a block", "the disk of process 1 is full"),
        (1, "never joins", "between mini-batches", "process 1 of 2, counted from 0, ended with status 3; "),
    ],
)
def test_the_end_of_one_process_ends_the_other_with_one_sentence(tmp_path, rank, how, where, sentence):
    (tmp_path / "script.py").write_text(SCRIPT)
    recipe = ["--model.hidden_sizes=[6]", "--data.dataset=digits", "--trainer.max_epochs=1000", "--name=two"]
    recipe.append("--data.steps_per_execution=auto")
    command = [sys.executable, "script.py", str(rank), how, where, *recipe, *CALM, *TWO]
    # they both hold the other ends of the pipes, so that this waits for the end of both
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert ended.returncode in (1, -signal.SIGKILL)
    (said,) = ended.stderr.splitlines()
    assert said.startswith(f"mnist-mlp: error: {sentence}")
    if how != "never joins":
        last = tmp_path / "logs" / "two" / "version_0" / "checkpoints" / "last.ckpt"
        assert torch.load(last, weights_only=True)["epoch"] == 1


RECIPE = ["--model.hidden_sizes=[6]", "--data.dataset=digits", "--trainer.max_epochs=1", "--name=two", *CALM]


def test_torchrun_says_how_many_processes_there_are(tmp_path):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    command = [*torchrun, "-m", "mnist_mlp", "fit", *RECIPE]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=240).stdout
    assert len(re.findall("best val/acc", said)) == 1
    assert [path.name for path in (tmp_path / "logs" / "two").iterdir()] == ["version_0"]


def test_devices_that_are_not_torchruns_processes_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, value in {"TORCHELASTIC_RUN_ID": "a", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=r"started 4 processes.* give --trainer.devices 2 --trainer.num_nodes 2"):
        prepare("fit", typed=[*RECIPE, "--trainer.devices=1"])


def test_several_machines_have_to_know_of_each_other(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MASTER_ADDR", "10.0.0.1")
    monkeypatch.setenv("MASTER_PORT", "29500")
    with pytest.raises(ValueError, match="there is no NODE_RANK; start it by torchrun"):
        prepare("fit", typed=[*RECIPE, "--trainer.num_nodes=2"])
    assert not capsys.readouterr().out
    monkeypatch.setenv("NODE_RANK", "0")
    prepare("fit", typed=[*RECIPE, "--trainer.num_nodes=2"])
    assert capsys.readouterr().out.startswith("waiting at 10.0.0.1:29500 for all 2 machines")
