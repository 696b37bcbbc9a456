"""Runs to look at, trained in a second."""

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mnist_mlp.cli import main

RECIPE = [
    "--model.hidden_sizes=[6,5]",
    "--model.activation=[relu,sigmoid]",
    "--model.gradients=manual",
    "--data.batch_size=8",
    "--data.val_size=20",
    "--data.steps_per_execution=auto",
    "--trainer.enable_progress_bar=false",
    "--trainer.accelerator=cpu",
    "--name=run",
]


@pytest.fixture
def fit(tiny_mnist, without_shape_checks, tmp_path):
    """A function that trains with more arguments, in 5 steps of each epoch, and returns the run's folder."""

    def fit(*args, epochs=3, folder=tmp_path):
        main(["fit", *RECIPE, f"--trainer.default_root_dir={folder}", f"--trainer.max_epochs={epochs}", *args])
        return folder / "run" / "version_0"

    return fit


@pytest.fixture
def events_of():
    """A function that reads all that the event files of a run hold."""

    def events_of(run):
        everything = dict.fromkeys(("scalars", "images", "histograms", "tensors"), 0)
        return EventAccumulator(str(run), size_guidance=everything).Reload()

    return events_of


@pytest.fixture
def steps_of(events_of):
    """A function that gives the steps of a scalar, a histogram or a picture of a run."""

    def steps_of(run, tag):
        events = events_of(run)
        of_kind = {"scalars": events.Scalars, "histograms": events.Histograms, "images": events.Images}
        (points,) = [points_of(tag) for kind, points_of in of_kind.items() if tag in events.Tags()[kind]]
        return [point.step for point in points]

    return steps_of
