"""Lightning's BatchSizeFinder in a run of this project."""

from pathlib import Path

import torch

from mnist_mlp.fit import prepare

TUNED = {
    "class_path": "lightning.pytorch.callbacks.BatchSizeFinder",
    "init_args": {"mode": "power", "init_val": 8, "max_trials": 2, "steps_per_trial": 1},
}


def test_the_batch_size_that_is_found_is_trained_with(tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)
    trainer = {"accelerator": "cpu", "enable_progress_bar": False, "max_epochs": 1, "callbacks": [TUNED]}
    data = {"dataset": "digits", "val_size": 237, "batch_size": 100}
    session = prepare("fit", model={"hidden_sizes": [4]}, data=data, name="run", trainer=trainer)
    session.execute()
    found = session.datamodule.batch_size
    assert found == 16
    steps = torch.load("logs/run/version_0/checkpoints/last.ckpt", weights_only=True)["global_step"]
    assert steps == -(-1200 // found)
    assert [path.name for path in Path().iterdir()] == ["logs"]
