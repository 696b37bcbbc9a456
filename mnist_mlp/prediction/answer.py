"""What a network says of a file, and how many of such answers are right."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mnist_mlp.prediction.trained_network import UNSURE, Prediction, TrainedNetwork

NOTHING = "no digit found"
OTHER = "other"
"""What the confusion says where a picture of one digit was not read as one."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What is said of a file.

    Attributes:
        file: Its name, as it is shown.
        path: Where it lies.
        digits: What was found in it, in reading order.
        problem: Why it could not be read, in a sentence; else empty.
        label: What it shows, where that is known.
    """

    file: str
    path: Path
    digits: Sequence[Prediction] = ()
    problem: str = ""
    label: str | None = None

    @property
    def prediction(self) -> str:
        """The names of its digits one after the other, empty where there is none."""
        return joined([digit.name for digit in self.digits])

    @property
    def probability(self) -> float | None:
        """The least of its digits' probabilities."""
        return self._weakest.probability if self.digits else None

    @property
    def second(self) -> str:
        """The prediction, with the second guess for the digit that has the least probability."""
        return joined([digit.second if digit is self._weakest else digit.name for digit in self.digits])

    @property
    def second_probability(self) -> float | None:
        """That of the second guess for the digit that has the least probability."""
        return self._weakest.second_probability if self.digits else None

    @property
    def unsure(self) -> bool:
        """Whether one of its digits is unsure."""
        return any(digit.unsure for digit in self.digits)

    @property
    def verdict(self) -> str:
        """The prediction as it is shown: said to be unsure, or in words where there is none."""
        if not self.digits:
            return self.problem or NOTHING
        why = "" if any(digit.probability < UNSURE for digit in self.digits) else " (uneven paper)"
        return f"unsure: {self.prediction}?{why}" if self.unsure else self.prediction

    @property
    def _weakest(self) -> Prediction:
        return min(self.digits, key=lambda digit: digit.probability)


def joined(names: Sequence[str]) -> str:
    """Names of classes as a text: without spaces, where each is a single character."""
    return ("" if all(len(name) == 1 for name in names) else " ").join(names)


def answer(network: TrainedNetwork, path: Path, file: str, label: str | None = None) -> Answer:
    """What a network says of a file; one that cannot be read is an answer, too.

    Args:
        network: The network.
        path: The file.
        file: Its name, as it is to be shown.
        label: What it shows, where that is known.
    """
    try:
        return Answer(file, path, network.predict(path), label=label)
    except (ValueError, OSError) as error:
        return Answer(file, path, problem=str(error).removeprefix(f"{path} "), label=label)


@dataclass(frozen=True)
class Score:
    """How many answers to labelled pictures are right.

    Attributes:
        n: Labelled pictures; one that could not be read, or has no digit, counts as wrong.
        right: Those whose prediction is their label.
        n_sure: Answers that are not unsure ...
        right_sure: ... and how many of them are right.
        confusions: How many pictures of one class (label, prediction) there are; a prediction that is none of the
            classes is `OTHER`.
    """

    n: int
    right: int
    n_sure: int
    right_sure: int
    confusions: Counter[tuple[str, str]]


def score(answers: Sequence[Answer], class_names: Sequence[str]) -> Score:
    """How many of the labelled answers are right."""
    labelled = [each for each in answers if each.label is not None]
    sure = [each for each in labelled if each.digits and not each.unsure]
    confusions = Counter(
        (each.label, each.prediction if each.prediction in class_names else OTHER)
        for each in labelled
        if each.label is not None and each.label in class_names
    )
    right, right_sure = (sum(each.prediction == each.label for each in some) for some in (labelled, sure))
    return Score(len(labelled), right, len(sure), right_sure, confusions)
