from pathlib import Path

import numpy as np
import pytest

from mnist_mlp.prediction import Prediction
from mnist_mlp.prediction.answer import NOTHING, OTHER, Answer, joined, score

DIGITS = tuple("0123456789")


def digit(name, probability=0.95, second="0", unsure=False):
    image = np.zeros((28, 28), dtype=np.uint8)
    return Prediction(name, probability, second, 0.03, np.zeros(10), (0, 0, 1, 1), image, unsure)


def answer(*digits, label=None, problem=""):
    return Answer("a.png", Path("a.png"), digits, problem, label)


def test_the_weakest_digit_decides():
    each = answer(digit("3", 0.99), digit("1", 0.91, second="7"), digit("4", 0.95))
    assert (each.prediction, each.probability, each.second, each.second_probability) == ("314", 0.91, "374", 0.03)
    assert (each.verdict, each.unsure) == ("314", False)


def test_one_unsure_digit_makes_it_unsure():
    each = answer(digit("3"), digit("1", 0.6, unsure=True))
    assert (each.verdict, each.unsure) == ("unsure: 31?", True)
    assert answer(digit("3", unsure=True)).verdict == "unsure: 3? (uneven paper)"


def test_nothing_and_a_problem_are_words():
    assert answer().verdict == NOTHING
    assert answer(problem="is broken").verdict == "is broken"
    assert (answer().probability, answer().second, answer().unsure) == (None, "", False)


@pytest.mark.parametrize(("names", "text"), [("314", "314"), (["Bag", "T"], "Bag T"), (["Bag"], "Bag"), ([], "")])
def test_names_are_joined(names, text):
    assert joined(names) == text


def test_answers_are_counted():
    measured = score(
        [
            answer(digit("3"), label="3"),
            answer(digit("3", 0.6, unsure=True), label="3"),
            answer(digit("5"), label="3"),
            answer(label="3"),
            answer(digit("3"), digit("1"), label="3"),
            answer(digit("3"), digit("1"), label="31"),
            answer(problem="is broken", label="7"),
            answer(digit("7")),
        ],
        DIGITS,
    )
    assert (measured.n, measured.right, measured.n_sure, measured.right_sure) == (7, 3, 4, 2)
    assert measured.confusions == {("3", "3"): 2, ("3", "5"): 1, ("3", OTHER): 2, ("7", OTHER): 1}
