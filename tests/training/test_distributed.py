"""Two processes that talk through gloo."""

import json
import os
import subprocess
import sys

import pytest
import torch

SCRIPT = """
import json, os, warnings
warnings.filterwarnings("ignore")
import torch
from lightning import Trainer, seed_everything
from mnist_mlp import MLPClassifier, MNISTDataModule

class Recorder(MLPClassifier):
    def on_train_epoch_start(self):
        self.seen = []

    def training_step(self, batch, batch_idx):
        self.seen += [hash(tuple(row)) for row in batch[0].tolist()]
        return super().training_step(batch, batch_idx)

    def on_train_epoch_end(self):
        super().on_train_epoch_end()
        weights = [float(weight.sum()) for weight in self.mlp.weights]
        with open(f"{os.environ['OUTPUT']}/{self.global_rank}-{self.current_epoch}.json", "w") as file:
            json.dump({"seen": self.seen, "weights": weights}, file)

seed_everything(0)
trainer = Trainer(
    accelerator="cpu", devices=2, strategy="ddp", max_epochs=2, logger=False, enable_checkpointing=False,
    enable_progress_bar=False, enable_model_summary=False,
)
data = MNISTDataModule("digits", batch_size=100, val_size=300)
trainer.fit(Recorder([8]), data)
if trainer.is_global_zero:
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
    all_images = [hash(tuple(row)) for row in (data.train_images.images.float() / 255).tolist()]
    with open(f"{os.environ['OUTPUT']}/rank-zero.json", "w") as file:
        json.dump({"metrics": metrics, "all": all_images}, file)
"""

DROPOUT_SCRIPT = """
import os, sys, warnings
warnings.filterwarnings("ignore")
import torch
from lightning import Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from mnist_mlp import MLPClassifier, MNISTDataModule

class Recorder(MLPClassifier):
    def training_step(self, batch, batch_idx):
        step = self.current_epoch, batch_idx
        self.drawn[step] = torch.rand(8, generator=torch.default_generator.clone_state()).tolist()
        return super().training_step(batch, batch_idx)

    def on_train_epoch_end(self):
        super().on_train_epoch_end()
        metrics = self.trainer.callback_metrics
        self.means[self.current_epoch] = [metrics["train/loss"].item(), metrics["train/acc"].item()]

def fit(ckpt_path=None):
    seed_everything(0)
    keep = ModelCheckpoint(dirpath=folder, every_n_train_steps=11, save_top_k=-1, filename="{step}")
    trainer = Trainer(
        accelerator="cpu", devices=2, strategy="ddp", max_epochs=3, logger=False, callbacks=[keep],
        enable_progress_bar=False, enable_model_summary=False,
    )
    model = Recorder([8], dropout=0.5)
    model.drawn, model.means = {}, {}
    trainer.fit(model, MNISTDataModule("digits", batch_size=100, val_size=300), ckpt_path=ckpt_path)
    weights = [parameter.detach().clone() for parameter in model.parameters()]
    return {"drawn": model.drawn, "means": model.means, "weights": weights, "rank": trainer.global_rank}

folder = sys.argv[1]
whole = fit()
continued = fit(f"{folder}/step=11.ckpt")
torch.save({"whole": whole, "continued": continued}, f"{folder}/{whole['rank']}.pt")
"""

BLOCKS_SCRIPT = """
import os, sys, warnings
warnings.filterwarnings("ignore")
from functools import partial
from types import SimpleNamespace
import torch
from lightning import Trainer, seed_everything
from torch.optim.lr_scheduler import ExponentialLR
from mnist_mlp import MLPClassifier, MNISTDataModule
from mnist_mlp.bare_loop import gradient_exchange
from mnist_mlp.training import block_training

class InContainers:
    # the second process does not see the file that the first one makes

    def __getattr__(self, name):
        return getattr(os, name)

    path = SimpleNamespace(exists=lambda path: torch.distributed.get_rank() == 0 and os.path.exists(path))

CONTAINERS = InContainers()
SGD = partial(torch.optim.SGD, lr=0.3)
CASES = {
    "manual": {"gradients": "manual"},
    "autograd": {"gradients": "autograd", "optimizer": partial(torch.optim.Adam, lr=0.01)},
    "dropout": {"gradients": "manual", "dropout": 0.3, "input_dropout": 0.2},
    "penalties": {"gradients": "manual", "l1": 1.0, "l2": 3.0, "max_norm": 0.5},
    "adversarial": {"gradients": "manual", "adversarial": 0.2},
    "schedule": {"gradients": "autograd", "scheduler": partial(ExponentialLR, gamma=0.9), "scheduler_interval": "step"},
    "clipped": {"gradients": "manual", "trainer": {"gradient_clip_val": 0.1}},
    "accumulated": {"gradients": "manual", "trainer": {"accumulate_grad_batches": 3}},
    "accumulated by autograd": {"gradients": "autograd", "trainer": {"accumulate_grad_batches": 2}},
    "limited": {"gradients": "manual", "trainer": {"max_steps": 7}},
    "through gloo": {"gradients": "manual", "l2": 1.0, "memory": "/nowhere"},
    "in two containers": {"gradients": "manual", "l1": 1.0, "system": CONTAINERS},
    "of shares that differ": {"gradients": "manual", "data": {"train_size": 2 * 40 * 6 + 1}},
}
exchanges = 0

class Counted(gradient_exchange.GradientExchange):
    def __call__(self):
        global exchanges
        exchanges += 1
        shares = gradient_exchange.SHARED_MEMORY != "/nowhere" and gradient_exchange.os is os
        assert (self.shared is not None) == shares
        super().__call__()

block_training.GradientExchange = Counted

def fit(steps, data=(), trainer=(), memory=f"{sys.argv[1]}/memory", system=os, **model):
    global exchanges
    exchanges = 0
    gradient_exchange.SHARED_MEMORY, gradient_exchange.os = memory, system
    seed_everything(0)
    fitter = Trainer(
        accelerator="cpu", devices=2, strategy="ddp", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, **{"max_epochs": 2, **dict(trainer)},
    )
    classifier = MLPClassifier([8, 7], "sigmoid", **{"optimizer": SGD, **model})
    settings = {"batch_size": 40, "val_size": 300, **dict(data)}
    fitter.fit(classifier, MNISTDataModule("digits", steps_per_execution=steps, **settings))
    weights = [parameter.detach().clone() for parameter in classifier.parameters()]
    metrics = {name: value.item() for name, value in fitter.callback_metrics.items()}
    found = {"weights": weights, "metrics": metrics, "steps": fitter.global_step, "exchanges": exchanges}
    return found, fitter.global_rank

results = {}
for name, case in CASES.items():
    for steps in (1, 4, "auto"):
        results[name, steps], rank = fit(steps, **case)
torch.save(results, f"{sys.argv[1]}/{rank}.pt")
"""


GRADIENTS_SCRIPT = """
import sys, torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from mnist_mlp import MLP
from mnist_mlp.equations.activations import ACTIVATIONS
from mnist_mlp.equations.backprop import backpropagate, feedforward

STEPS, BATCH = 20, 8

def data():
    generator = torch.Generator().manual_seed(0)
    return torch.rand(STEPS, BATCH, 6, generator=generator), torch.randint(4, (STEPS, BATCH), generator=generator)

def step_through_autograd(module, mlp, x, labels):
    mlp.loss(module(x), labels).backward()

def step_writing_grad(module, mlp, x, labels):
    sigmas = [ACTIVATIONS[name] for name in mlp.activations]
    with torch.no_grad():
        z, trace = feedforward(x, mlp.weights, mlp.biases, sigmas)
        delta = mlp.cost.output_error(z, mlp.targets_as_values(labels, like=z))
        gradients = backpropagate(delta, mlp.weights, sigmas, trace)
    for parameters, values in ((mlp.weights, gradients.weights), (mlp.biases, gradients.biases)):
        for parameter, value in zip(parameters, values):
            parameter.grad = value

def train(step, rank, world_size, wrap):
    torch.manual_seed(0)
    mlp = MLP([6, 5, 4], "sigmoid", gradients="manual")
    module = DistributedDataParallel(mlp) if wrap else mlp
    optimizer = torch.optim.SGD(mlp.parameters(), lr=0.5, momentum=0.9)
    for x, labels in zip(*data()):
        optimizer.zero_grad()
        step(module, mlp, x[rank::world_size], labels[rank::world_size])
        optimizer.step()
    return torch.cat([parameter.detach().flatten() for parameter in mlp.parameters()])

def worker(rank, folder):
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    results = {"function": train(step_through_autograd, rank, 2, True), "grad": train(step_writing_grad, rank, 2, True)}
    torch.save(results, f"{folder}/{rank}.pt")
    dist.destroy_process_group()

if __name__ == "__main__":
    torch.multiprocessing.spawn(worker, (sys.argv[1],), nprocs=2)
    torch.save(train(step_through_autograd, 0, 1, False), f"{sys.argv[1]}/one.pt")
"""


def test_manual_gradients_are_averaged_and_gradients_written_by_hand_are_not(tmp_path):
    (tmp_path / "script.py").write_text(GRADIENTS_SCRIPT)
    subprocess.run(
        [sys.executable, "script.py", str(tmp_path)], cwd=tmp_path, check=True, capture_output=True, timeout=240
    )
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    one = torch.load(tmp_path / "one.pt", weights_only=True)
    assert torch.equal(first["function"], second["function"])
    torch.testing.assert_close(first["function"], one, rtol=0, atol=1e-6)
    # What DDP cannot see it does not average: the ranks drift apart, and nothing says so.
    assert (first["grad"] - second["grad"]).abs().max() > 1e-2


def test_two_processes_share_the_samples_and_hold_the_same_weights(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    # Hashes of floats, unlike those of strings, are the same in every process.
    subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env={**os.environ, "OUTPUT": str(tmp_path)},
        check=True,
        capture_output=True,
        timeout=240,
    )
    zero = json.loads((tmp_path / "rank-zero.json").read_text())
    for epoch in range(2):
        ranks = [json.loads((tmp_path / f"{rank}-{epoch}.json").read_text()) for rank in range(2)]
        assert sorted(ranks[0]["seen"] + ranks[1]["seen"]) == sorted(zero["all"])
        assert abs(len(ranks[0]["seen"]) - len(ranks[1]["seen"])) <= 1
        assert ranks[0]["weights"] == ranks[1]["weights"]
    assert set(zero["metrics"]) == {"train/loss", "train/acc", "val/loss", "val/acc"}


def test_each_process_drops_neurons_of_its_own_and_the_same_when_the_run_is_continued(tmp_path):
    (tmp_path / "script.py").write_text(DROPOUT_SCRIPT)
    subprocess.run([sys.executable, "script.py", tmp_path], cwd=tmp_path, check=True, capture_output=True, timeout=240)
    ranks = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)]
    first, second = (each["whole"]["drawn"] for each in ranks)
    assert first.keys() == second.keys()
    assert len(first) == 3 * 6
    assert len({tuple(drawn) for drawn in [*first.values(), *second.values()]}) == 2 * 3 * 6
    for each in ranks:
        whole, continued = each["whole"], each["continued"]
        assert continued["drawn"] == {step: whole["drawn"][step] for step in continued["drawn"]}
        assert len(continued["drawn"]) == 3 * 6 - 11
        assert all(map(torch.equal, continued["weights"], whole["weights"]))
        assert continued["means"] == {epoch: pytest.approx(whole["means"][epoch], rel=1e-6) for epoch in (1, 2)}


def test_blocks_on_two_devices_give_the_parameters_of_single_steps(tmp_path):
    (tmp_path / "script.py").write_text(BLOCKS_SCRIPT)
    (tmp_path / "memory").mkdir()
    subprocess.run([sys.executable, "script.py", tmp_path], cwd=tmp_path, check=True, capture_output=True, timeout=240)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    for (name, steps), one in first.items():
        assert all(map(torch.equal, one["weights"], second[name, steps]["weights"])), (name, steps)
        single = first[name, 1]
        assert all(map(torch.equal, one["weights"], single["weights"])), (name, steps)  # the sum of two is exact
        assert one["steps"] == single["steps"], (name, steps)
        assert one["metrics"] == pytest.approx(single["metrics"], rel=1e-5), (name, steps)
    assert len({one["weights"][0].sum().item() for one in first.values()}) == len(first) / 3
    counts = [("manual", 30, 26), ("through gloo", 30, 26), ("accumulated", 10, 8), ("accumulated by autograd", 16, 12)]
    for name, updates, exchanges in counts:
        found = first[name, "auto"]  # blocks of 14 mini-batches and of one; the last of each is Lightning's
        assert (found["steps"], found["exchanges"]) == (updates, exchanges), name
    assert not list((tmp_path / "memory").iterdir())  # what the processes shared has no name, and ends with them
