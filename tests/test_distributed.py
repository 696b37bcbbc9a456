"""Two processes that talk through gloo."""

import json
import os
import subprocess
import sys

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
