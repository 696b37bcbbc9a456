"""A run that was killed after its last checkpoint has in its log, once continued, what is shown after a training."""

from pathlib import Path

import pytest

from mnist_mlp.dashboard.predictions import Predictions
from mnist_mlp.dashboard.run_log import read_run
from mnist_mlp.fit import prepare

SMALL = {
    "model": {"hidden_sizes": [3]},
    "data": {"dataset": "digits", "train_size": 40, "val_size": 20, "batch_size": 10},
    "trainer": {"max_epochs": 2, "accelerator": "cpu", "enable_progress_bar": False},
    "name": "small",
}
RUN = Path("logs/small/version_0")


def killed(*args):
    raise KeyboardInterrupt


@pytest.mark.parametrize("panels", [{}, {"predictions": False}])
def test_the_end_is_shown_once(tmp_path, monkeypatch, without_shape_checks, panels):
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("mnist_mlp.dashboard.speed.Speed.on_train_end", killed)
        patched.setattr(Predictions, "on_train_end", killed)
        with pytest.raises(InterruptedError):
            prepare("fit", **SMALL, dashboard=panels).execute()
    assert not {"val/calibration_error", "time/training_seconds"} & read_run(RUN).scalars.keys()
    for _ in range(2):  # the second has nothing to add
        prepare("fit", ckpt_path="last", trainer=SMALL["trainer"]).execute()
        log = read_run(RUN)
        assert log.scalars["time/training_seconds"][0] == [8]
        assert log.scalars.get("val/calibration_error", ([8], []))[0] == [8]
        assert ("val/mistakes" in log.images) == (not panels)
