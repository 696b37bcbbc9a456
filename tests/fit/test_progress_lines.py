"""What `fit` says fits into a terminal of 80 columns, and epochs are counted from 1."""

import io
import re

import pytest
from rich.console import Console

from mnist_mlp.fit import prepare
from mnist_mlp.fit.progress_lines import CalmProgressBar, folded

DATA = {"dataset": "digits", "val_size": 300, "batch_size": 400}
LONG = "a-name-as-long-as-those-of-many-experiments"


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)


def fitted(**trainer):
    session = prepare("fit", model={"hidden_sizes": [4]}, data=DATA, name=LONG, trainer=trainer | {"max_epochs": 2})
    session.execute()
    return session


def test_the_progress_bar_of_a_long_training_fits_into_80_columns(capsys):
    session = fitted(accelerator="cpu")
    bar = session.trainer.progress_bar_callback
    assert isinstance(bar, CalmProgressBar)
    assert bar.progress
    assert bar.train_progress_bar_id is not None
    assert bar.train_progress_bar.description == "epoch 2 of 2"
    bar.progress.update(bar.train_progress_bar_id, description="epoch 100 of 100", total=60_000, completed=59_000)
    drawn = io.StringIO()
    Console(file=drawn, width=80).print(bar.progress.get_renderable())
    accuracy = re.escape(f"{100 * session.trainer.callback_metrics['val/acc'].item():.2f} %")
    (line,) = drawn.getvalue().splitlines()
    assert re.fullmatch(rf"epoch 100 of 100 ━+[╸╺]?━* 59000/60000 [\d:-]+ [\d,]*(/s)? val/acc: {accuracy}", line)
    assert len(line) <= 80


def test_the_last_lines_of_a_training_fit_into_80_columns(capsys):
    fitted(accelerator="cpu", enable_progress_bar=False)
    said = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 80 for line in said)
    assert re.fullmatch(r"best val/acc \d+\.\d\d % in epoch [12] · \d+\.\d s", said[-3])
    assert said[-2:] == [f"logs/{LONG}/version_0/checkpoints/best.ckpt", "mnist-mlp dashboard logs"]


def test_parts_stand_on_one_line_as_long_as_they_fit():
    assert folded(["a" * 38, "b" * 39]) == f"{'a' * 38} · {'b' * 39}"  # 80 characters
    assert folded(["a" * 38, "b" * 40, "c"]) == f"{'a' * 38}\n{'b' * 40} · c"
    assert folded(["a" * 90]) == "a" * 90  # a path is never cut
