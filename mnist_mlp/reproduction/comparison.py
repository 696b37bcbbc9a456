"""Published figures and ours beside each other: the table, and the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import mean, stdev

from rich.table import Table

from mnist_mlp.console.tables import plain_table
from mnist_mlp.reproduction.published import Figure, Row
from mnist_mlp.reproduction.results import Run


def reached(figure: Figure, runs: Sequence[Run]) -> list[float]:
    """The accuracies, in percent, that stand beside a published figure.

    One for each run. Where the figure is the best of n published runs, ours are taken n at a time in the order of their
    seeds, and each n give one accuracy: that of the run with the highest peak. The peak is looked for on the validation
    images where these choose the epoch, too.
    """
    judge = "val" if figure.epoch == "best" else figure.split
    firsts = range(0, len(runs) - figure.best_of + 1, figure.best_of)
    groups = [runs[first : first + figure.best_of] for first in firsts]
    return [max(group, key=lambda run: max(run.series[f"{judge}/acc"])).accuracy(figure) for group in groups]


@dataclass(frozen=True)
class Comparison:
    """A line of the table: a published figure and ours, accuracies in percent.

    Attributes:
        interval: Half the width of the 95 % confidence interval of the mean, by Student's t, or None for one run.
        verdict: Whether ours reaches the published one, in words.
        is_reproduced: The same as yes or no.
        seconds: Mean time of a training.
    """

    row: str
    source: str
    metric: str
    published: float
    note: str
    mean: float
    sd: float | None
    n: int
    interval: float | None
    min: float
    max: float
    difference: float
    verdict: str
    is_reproduced: bool
    seconds: float


def compare(name: str, row: Row, figure: Figure, runs: Sequence[Run]) -> Comparison:
    """Set a published figure beside ours."""
    accuracies = reached(figure, runs)
    n, middle = len(accuracies), mean(accuracies)
    sd = stdev(accuracies) if n > 1 else None
    return Comparison(
        row=name,
        source=row.source,
        metric=figure.metric,
        published=figure.published,
        note=figure.note,
        mean=middle,
        sd=sd,
        n=n,
        interval=None if sd is None else student_t(n - 1) * sd / sqrt(n),
        min=min(accuracies),
        max=max(accuracies),
        difference=middle - figure.published,
        verdict=verdict(row, figure, middle),
        is_reproduced=is_reproduced(row, figure, middle),
        seconds=mean(run.seconds for run in runs),
    )


def is_reproduced(row: Row, figure: Figure, accuracy: float) -> bool:
    """Whether a mean accuracy, in percent, reaches a published figure within the row's tolerance."""
    if row.at_most is not None:
        return accuracy <= row.at_most
    return round(figure.published - accuracy, 6) <= row.tolerance


def verdict(row: Row, figure: Figure, accuracy: float) -> str:
    """Whether a mean accuracy, in percent, reaches a published figure, in words."""
    reproduced = is_reproduced(row, figure, accuracy)
    if row.at_most is not None:
        return "same behaviour" if reproduced else "learns where the source does not"
    missing = figure.published - accuracy
    if round(missing, 6) <= 0:
        return "reached"
    return f"within {row.tolerance:g}" if reproduced else f"missed by {missing:.2f}"


def student_t(degrees_of_freedom: int) -> float:
    """The 97.5 % quantile of Student's t distribution."""
    from scipy.stats import t

    return float(t.ppf(0.975, degrees_of_freedom))


HEADINGS = ("row", "metric", "published", "ours", "sd", "n", "95 %", "min - max", "difference", "verdict", "time")


def cells(comparison: Comparison) -> tuple[str, ...]:
    """A line of the table as text."""
    minutes, seconds = divmod(round(comparison.seconds), 60)
    return (
        comparison.row,
        comparison.metric,
        f"{comparison.published:.2f}",
        f"{comparison.mean:.2f}",
        "-" if comparison.sd is None else f"{comparison.sd:.2f}",
        str(comparison.n),
        "-" if comparison.interval is None else f"± {comparison.interval:.2f}",
        f"{comparison.min:.2f} - {comparison.max:.2f}",
        f"{comparison.difference:+.2f}",
        comparison.verdict,
        f"{minutes}:{seconds:02d}",
    )


def table_of(comparisons: Sequence[Comparison]) -> Table:
    """The table for the terminal."""
    table = plain_table(*HEADINGS)
    for each in comparisons:
        table.add_row(*cells(each))
    return table


def markdown_of(comparisons: Sequence[Comparison]) -> str:
    """The table as Markdown, with the notes below."""
    notes = list(dict.fromkeys(each.note for each in comparisons if each.note))
    headings = (HEADINGS[0], "source", *HEADINGS[1:])
    rows = [headings, ["---"] * len(headings)]
    for each in comparisons:
        row, metric, published, *rest = cells(each)
        mark = f" [{notes.index(each.note) + 1}]" if each.note else ""
        rows.append([f"[{row}]({row}.yaml)", each.source, metric, published + mark, *rest])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return table + "\n\n" + "".join(f"[{i}] {note}.  \n" for i, note in enumerate(notes, start=1))
