"""Answers as CSV and as JSON."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from mnist_mlp.prediction.answer import NOTHING, Answer, score
from mnist_mlp.prediction.trained_network import UNSURE, Prediction, TrainedNetwork

COLUMNS = ("file", "label", "digit", "prediction", "probability", "second", "second_probability", "unsure")
BOX = ("left", "top", "right", "bottom")


def as_csv(answers: Sequence[Answer]) -> str:
    """A row for each digit, counted from 1; a file without any has one row, whose last column says why."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, *BOX, "problem"])
    for each in answers:
        about = [each.file, each.label or ""]
        for i, digit in enumerate(each.digits, start=1):
            probabilities = f"{digit.probability:.4f}", digit.second, f"{digit.second_probability:.4f}"
            writer.writerow([*about, i, digit.name, *probabilities, "yes" if digit.unsure else "no", *digit.box, ""])
        if not each.digits:
            writer.writerow([*about, *[""] * (len(COLUMNS) + len(BOX) - 2), each.problem or NOTHING])
    return text.getvalue()


def as_json(network: TrainedNetwork, answers: Sequence[Answer]) -> str:
    """All that is known: the network, and for each file its digits with the probabilities of all classes."""
    everything: dict[str, Any] = {
        "checkpoint": network.settings.get("checkpoint"),
        "classes": network.class_names,
        "unsure_below": UNSURE,
        "pictures": [_picture(each) for each in answers],
    }
    measured = score(answers, network.class_names)
    if measured.n:
        counts = {"n": measured.n, "right": measured.right, "n_sure": measured.n_sure}
        everything["score"] = counts | {"right_of_sure": measured.right_sure}
    return json.dumps(everything, indent=2, ensure_ascii=False) + "\n"


def _picture(each: Answer) -> dict[str, Any]:
    """A file's answer."""
    found = {
        "prediction": each.prediction,
        "probability": each.probability,
        "unsure": each.unsure,
        "second": each.second,
        "second_probability": each.second_probability,
        "digits": [_digit(digit) for digit in each.digits],
    }
    answered = found if each.digits else {"prediction": None, "problem": each.problem or NOTHING}
    return {"file": each.file} | ({"label": each.label} if each.label is not None else {}) | answered


def _digit(digit: Prediction) -> dict[str, Any]:
    """One digit of a picture."""
    return {
        "prediction": digit.name,
        "probability": digit.probability,
        "unsure": digit.unsure,
        "second": digit.second,
        "second_probability": digit.second_probability,
        "probabilities": digit.probabilities.tolist(),
        "box": digit.box,
    }
