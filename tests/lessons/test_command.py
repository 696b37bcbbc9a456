"""What each lesson claims, in numbers."""

import importlib
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from mnist_mlp.cli import main
from mnist_mlp.lessons.command import find_lessons

FOLDER = Path(__file__).parents[2] / "scripts" / "lessons"
pytestmark = pytest.mark.usefixtures("without_shape_checks")


@pytest.fixture
def numbers_of(monkeypatch):
    """A function that runs a lesson and returns its numbers."""
    pytest.importorskip("matplotlib")
    monkeypatch.syspath_prepend(str(FOLDER))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)

    def run(name, seed=0):
        torch.manual_seed(seed)
        numbers, figure = importlib.import_module(name).lesson(seed)
        for axes in figure.axes:
            if axes.axison and axes.get_label() != "<colorbar>":
                assert axes.get_title()
                assert axes.get_xlabel() or axes.containers  # bars have names
                assert axes.get_ylabel() or figure.axes[0] in axes.get_shared_y_axes().get_siblings(axes)
        return numbers

    yield run
    torch.set_num_threads(threads)


def test_thresholds_make_gates_and_steep_sigmoids_a_step(numbers_of):
    numbers = numbers_of("threshold_neuron")
    assert [numbers[gate] for gate in ("x1 and x2", "x1 or x2", "x1 and not x2")] == [1, 1, 1]
    gaps = [numbers[f"gap {w}"] for w in (2, 10, 50, 250)]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] > 0.4
    assert gaps[-1] < 1e-5


@pytest.mark.mnist
def test_the_perceptron_gets_what_the_course_gets(numbers_of):
    assert numbers_of("perceptron")["accuracy"] == pytest.approx(0.89, abs=0.03)


def test_backpropagation_finds_least_squares(numbers_of):
    numbers = numbers_of("linear_regression")
    assert numbers["difference"] < 1e-6
    assert numbers["agreement"] > 0.98
    assert numbers["two linear layers"] == pytest.approx(numbers["least squares"], abs=0.01)
    assert numbers["least squares"] > 0.84


@pytest.mark.parametrize("seed", [0, 1])
def test_three_learning_rates(numbers_of, seed):
    numbers = numbers_of("gradient_descent_2d", seed)
    assert numbers["too small: rises"] == numbers["right: rises"] == 0
    assert numbers["right: last"] < 0.1 * numbers["too small: last"] < 0.1 * numbers["too small: first"]
    assert numbers["too large: last"] > numbers["too large: first"]
    errors = [abs(1 - numbers[f"ratio at {rate}"]) for rate in ("0.01", "0.001", "0.0001")]
    assert errors[1] == pytest.approx(errors[0] / 10, rel=0.05)
    assert errors[2] == pytest.approx(errors[1] / 10, rel=0.05)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_derivative_of_a_chain(numbers_of, seed):
    numbers = numbers_of("single_neuron_chain", seed)
    assert numbers["difference"] < 1e-15
    assert 0.1 < numbers["largest slope"] <= 0.25


def test_a_start_at_zero_does_not_learn(numbers_of):
    numbers = numbers_of("relu_regression")
    assert numbers["all 0: moved"] == 0
    assert numbers["all 0: norm"] == 0
    assert numbers["all 0"] == pytest.approx(numbers["variance"], rel=0.1)
    for variant in ("variance 1/n", "L2", "dropout"):
        assert numbers[f"{variant}: moved"] > 0.1
        assert numbers[variant] < 0.25 * numbers["variance"]
    assert numbers["L2: norm"] < 0.95 * numbers["variance 1/n: norm"]


def test_a_smooth_function_is_approximated_like_one_over_n(numbers_of):
    numbers = numbers_of("universal_approximation")
    assert -1.1 < numbers["slope"] < -0.9
    assert numbers["trained"] < 0.15
    assert numbers["two variables"] == pytest.approx(numbers["half as many"] / 2, rel=0.15)


@pytest.mark.mnist
def test_overfitting(numbers_of):
    numbers = numbers_of("overfitting")
    assert numbers["1,000 images: train"] < 0.01
    assert numbers["1,000 images: test"] > 1.15 * numbers["1,000 images: lowest"]
    assert numbers["1,000 images: stop"] < 100
    assert numbers["1,000 images: accuracy at the stop"] > 0.75
    assert numbers["with L2: test"] < 0.6 * numbers["1,000 images: test"]
    assert numbers["with L2: accuracy"] > numbers["1,000 images: accuracy"] + 0.03
    assert numbers["10,000 images: accuracy"] > numbers["1,000 images: accuracy"] + 0.06


def test_a_saturated_neuron_learns_slowly_by_the_factor_of_its_slope(numbers_of):
    numbers = numbers_of("slow_learning")
    assert numbers["quadratic: half"] > 10 * numbers["binary_cross_entropy: half"]
    assert numbers["quadratic: delta"] == pytest.approx(numbers["binary_cross_entropy: delta"] * numbers["slope"])
    assert numbers["slope"] < 0.02


@pytest.mark.mnist
def test_outputs_stick_where_the_slope_vanishes_in_the_first_mini_batches(numbers_of):
    numbers = numbers_of("stuck_outputs")
    assert numbers["quadratic, large weights: networks"] >= 15
    assert numbers["quadratic, scaled weights: outputs"] == numbers["cross-entropy, large weights: outputs"] == 0
    assert numbers["stick: at the start"] > 0.01  # nothing is saturated at first
    assert numbers["stick: at the end"] < 1e-3 < numbers["learn: at the end"]


def test_the_gradient_costs_at_most_four_times_the_function(numbers_of):
    numbers = numbers_of("cost_of_the_gradient")
    assert len(numbers) == 12
    assert min(numbers.values()) > 1.3
    assert max(numbers.values()) <= 4


def test_errors_vanish_through_sigmoids_and_not_through_rectifiers(numbers_of):
    numbers = numbers_of("vanishing_gradient")
    kinds = ("sigmoid xavier", "relu xavier", "relu he")
    sigmoid, relu, by_he = ([numbers[f"{kind} 5.{layer}"] for layer in range(1, 6)] for kind in kinds)
    assert all(before < 0.4 * after for before, after in pairwise(sigmoid))
    assert 10 * sigmoid[0] / sigmoid[-1] < relu[0] / relu[-1] < 0.5
    assert by_he[0] > 0.5 * by_he[-1]


def test_lessons_are_listed_and_run(tmp_path, monkeypatch):
    monkeypatch.chdir(FOLDER.parent.parent)
    assert len(find_lessons(FOLDER)) == 12
    command = [sys.executable, "-m", "mnist_mlp", "lessons", "slow_learning", "--output", str(tmp_path)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert out.startswith("slow_learning: A neuron that is badly wrong learns slowly")
    assert "sigma'(z) at the start: 0.0177" in out
    assert [path.name for path in tmp_path.iterdir()] == ["slow_learning.png"]
    command = [sys.executable, "-m", "mnist_mlp", "lessons", "--list"]
    assert len(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()) == 12


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["flying"], "there is no lesson flying; choose of cost_of_the_gradient, "),
        (["--folder", "none"], "none holds no lessons; name another folder with --folder"),
        (["--output", "none"], "there is no folder none; make it, or name another with --output"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(args, message, monkeypatch):
    monkeypatch.chdir(FOLDER.parent.parent)
    with pytest.raises(SystemExit, match=message):
        main(["lessons", *args])


def test_each_lesson_can_be_read_in_one_sitting():
    for path in FOLDER.glob("*.py"):
        assert len(path.read_text().splitlines()) <= 112, path.name
