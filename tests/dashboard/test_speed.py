import pytest
import torch

from mnist_mlp.cli import main
from mnist_mlp.dashboard.speed import Speed


def test_seconds_images_and_learning_rates_of_each_epoch(fit, events_of, steps_of):
    run = fit()
    for tag in ("time/epoch_seconds", "time/images_per_second", "learning_rate"):
        assert steps_of(run, tag) == [5, 10, 15]
    events = events_of(run)
    assert [point.value for point in events.Scalars("learning_rate")] == pytest.approx([0.1] * 3)
    seconds, speed = (events.Scalars(tag)[0].value for tag in ("time/epoch_seconds", "time/images_per_second"))
    assert seconds * speed == pytest.approx(40, rel=1e-4)
    assert events.Scalars("time/training_seconds")[0].value > sum(p.value for p in events.Scalars("time/epoch_seconds"))


def test_a_run_that_is_continued_inside_an_epoch_is_timed(fit, events_of):
    run = fit("--trainer.max_steps=7", "--data.steps_per_execution=1")
    (first,) = events_of(run).Scalars("time/training_seconds")
    assert first.step == 7
    main(["fit", "--ckpt_path", str(run / "checkpoints/last.ckpt"), "--trainer.max_steps=12", "--trainer.max_epochs=9"])
    (both,) = events_of(run).Scalars("time/training_seconds")  # what the cut epoch's end has logged is replaced
    assert both.step == 12
    assert both.value > first.value


def test_checkpoints_hold_the_seconds_under_the_name_they_always_had(fit):
    checkpoint = fit(epochs=1) / "checkpoints" / "last.ckpt"
    states = torch.load(checkpoint, weights_only=True)["callbacks"]
    assert states["Speed"]["seconds"] > 0
    speed = Speed()
    assert speed.state_key == "Speed"
    speed.load_state_dict({"seconds": 1000.0})
    speed._training_started = 0.0
    assert speed.state_dict()["seconds"] > 1000
