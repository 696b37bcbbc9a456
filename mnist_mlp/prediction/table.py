"""Answers on a terminal: a table of them, how many are right, and what is taken for what."""

from collections.abc import Sequence

from rich.table import Table

from mnist_mlp.console.tables import plain_table
from mnist_mlp.prediction.answer import OTHER, Answer, Score
from mnist_mlp.prediction.trained_network import UNSURE


def table_of(answers: Sequence[Answer]) -> Table:
    """A row for each file: prediction, probability, second guess, and the label where there are labels."""
    labelled = any(each.label is not None for each in answers)
    table = plain_table()
    for heading in ("file", *(["label"] if labelled else []), "prediction"):
        table.add_column(heading, overflow="fold")
    table.add_column("probability", justify="right")
    table.add_column("second guess", overflow="fold")
    table.add_column("probability", justify="right")
    for each in answers:
        label = [each.label or "-"] if labelled else []
        table.add_row(
            *map(_plain, [each.file, *label, each.verdict]),
            percent(each.probability),
            _plain(each.second),
            percent(each.second_probability),
        )
    return table


def percent(share: float | None) -> str:
    """A probability as it is shown; 100 % is never more than the truth."""
    if share is None:
        return ""
    return f"{int(1000 * share) / 10:.1f} %"


def _plain(text: str) -> str:
    """The text as it stands, also where rich would take a part in brackets for a style."""
    return text.replace("[", r"\[")


def sentences_of(measured: Score) -> list[str]:
    """How many answers are right, of all and of those that are not unsure; nothing where there are no labels."""
    if not measured.n:
        return []
    all_of_them = f"{_share(measured.right, measured.n)} right, n = {measured.n:,}"
    if not measured.n_sure:
        return [f"{all_of_them}; all answers are unsure"]
    sure = f"{measured.n_sure:,} answers that are not unsure (a probability of {UNSURE} and more)"
    return [f"{all_of_them}; of the {sure} {_share(measured.right_sure, measured.n_sure)}"]


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"


def confusion_table(measured: Score, class_names: Sequence[str]) -> Table:
    """How many pictures of each class (row) were read as each class (column), as far as there are any."""
    counts = measured.confusions
    columns = [name for name in (*class_names, OTHER) if any(name == predicted for _, predicted in counts)]
    table = plain_table("label")
    for name in columns:
        table.add_column(_plain(name), justify="right")
    for label in (name for name in class_names if any(name == true for true, _ in counts)):
        numbers = [counts[label, name] for name in columns]
        table.add_row(_plain(label), *[str(number) if number else "·" for number in numbers])
    return table
