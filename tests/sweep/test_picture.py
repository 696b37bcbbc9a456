from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState, create_trial
from PIL import Image

from mnist_mlp.sweep.picture import draw_sweep, heights
from mnist_mlp.sweep.space import Choices, Range
from mnist_mlp.sweep.study import distribution_of

PARAMETERS = {
    "rate": Range(1e-4, 1e-1, log=True),
    "width": Range(10, 50),
    "activation": Choices(("relu", "tanh", None)),
}


def study_of(accuracies, parameters=PARAMETERS):
    """A study with a trial for each accuracy, that of a pruned one negative."""
    study = optuna.create_study(direction="maximize")
    for number, accuracy in enumerate(accuracies):
        share = (number + 1) / (len(accuracies) + 1)
        values = {
            "rate": 10 ** (-4 + 3 * share),
            "width": round(10 + 40 * share),
            "activation": ("relu", None)[number % 2],
        }
        study.add_trial(
            create_trial(
                state=TrialState.COMPLETE if accuracy > 0 else TrialState.PRUNED,
                value=abs(accuracy),
                params={name: values[name] for name in parameters},
                distributions={name: distribution_of(parameter) for name, parameter in parameters.items()},
                intermediate_values={0: abs(accuracy)},
            )
        )
    return study


@pytest.mark.parametrize(
    ("accuracies", "names"),
    [
        ([0.9, -0.3, 0.97, 0.98, -0.5, 0.99], ["rate", "width", "activation"]),
        ([0.9], ["rate", "width", "activation"]),  # too few for importances
        ([0.9] * 6, ["rate", "width", "activation"]),  # nothing matters
        ([1.0, 0.9, 0.8, 0.7, 0.6], ["rate", "width"]),  # no error, of which there is no logarithm
        ([0.9, 0.8, 0.7, 0.6, 0.5], ["rate"]),
    ],
)
def test_every_sweep_can_be_drawn(accuracies, names, tmp_path):
    parameters = {name: PARAMETERS[name] for name in names}
    study = study_of(accuracies, parameters)
    draw_sweep(study, study.trials, parameters, tmp_path / "sweep.png")
    with Image.open(tmp_path / "sweep.png") as picture:
        assert min(picture.size) > 500
        assert len(set(picture.convert("L").tobytes())) > 100  # it is not empty
    assert [path.name for path in Path(tmp_path).iterdir()] == ["sweep.png"]


@pytest.mark.parametrize(
    ("drawn", "places"),
    [
        ({"rate": 1e-4, "width": 10, "activation": "relu"}, [0, 0, 0]),
        ({"rate": 1e-1, "width": 50, "activation": None}, [1, 1, 1]),
        ({"rate": 1e-3, "width": 20, "activation": "tanh"}, [1 / 3, 1 / 4, 1 / 2]),
    ],
)
def test_a_value_stands_at_its_share_of_the_axis(drawn, places):
    assert heights(PARAMETERS, drawn) == pytest.approx(places)
