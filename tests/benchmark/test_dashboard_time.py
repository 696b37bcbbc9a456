from functools import wraps

import pytest
from lightning import Trainer

from mnist_mlp.benchmark.dashboard_time import time_fit
from mnist_mlp.dashboard.panels import Dashboard

CONFIG = """model: {hidden_sizes: [6]}
data: {dataset: digits, val_size: 300}
trainer: {max_epochs: 1}
"""


@pytest.mark.parametrize("with_dashboard", [True, False])
def test_a_training_is_timed_quietly_with_all_of_the_dashboard_or_none(with_dashboard, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(CONFIG)
    trained_with = []
    fit = Trainer.fit

    @wraps(fit)  # whose parameters the command line shows
    def watched(trainer, *args, **kwargs):
        trained_with.extend(type(callback) for callback in trainer.callbacks)
        return fit(trainer, *args, **kwargs)

    monkeypatch.setattr(Trainer, "fit", watched)
    assert time_fit("tiny.yaml", with_dashboard) > 0
    panels = {type(callback) for callback in Dashboard().callbacks()}
    assert panels & set(trained_with) == (panels if with_dashboard else set())
    assert capfd.readouterr().out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.yaml"]
