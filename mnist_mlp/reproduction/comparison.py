"""Published figures and ours beside each other: the table, and the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import mean, stdev

from rich.table import Table

from mnist_mlp.console.tables import plain_table
from mnist_mlp.reproduction.published import Figure, Row
from mnist_mlp.reproduction.results import Run

REACHED, WITHIN, ALIKE = REPRODUCED = "reached", "within its spread", "same behaviour"


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
        spread: Half the width of the interval around the mean that holds one more run with a probability of 95 %, by
            Student's t (`prediction_interval`), or None for one run.
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
    spread: float | None
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
    spread = None if sd is None else prediction_interval(sd, n)
    said = verdict(row, figure, middle, spread)
    return Comparison(
        row=name,
        source=row.source,
        metric=figure.metric,
        published=figure.published,
        note=figure.note,
        mean=middle,
        sd=sd,
        n=n,
        spread=spread,
        min=min(accuracies),
        max=max(accuracies),
        difference=middle - figure.published,
        verdict=said,
        is_reproduced=said in REPRODUCED,
        seconds=mean(run.seconds for run in runs),
    )


def verdict(row: Row, figure: Figure, accuracy: float, spread: float | None) -> str:
    """Whether a mean accuracy reaches a published figure, in words.

    A published figure is one run more, mostly; so it may lie as far from our mean as one more run of ours.

    Args:
        row: That of the figure.
        figure: The published one.
        accuracy: Our mean, in percent.
        spread: As in `Comparison`.
    """
    if row.at_most is not None:
        return ALIKE if accuracy <= row.at_most else "learns where the source does not"
    missing = round(figure.published - accuracy, 6)
    if missing <= 0:
        return REACHED
    return WITHIN if spread is not None and missing <= spread else f"missed by {missing:.2f}"


def prediction_interval(sd: float, n: int) -> float:
    """Half the width of the interval around the mean of n runs that holds one more run with a probability of 95 %.

    It is t sd sqrt(1 + 1/n), with the 97.5 % quantile t of Student's distribution of n - 1 degrees of freedom.

    Source: Hahn and Meeker, Statistical Intervals, 1991, ch. 4; it takes the runs to be normally distributed.
    """
    from scipy.stats import t

    return float(t.ppf(0.975, n - 1)) * sd * sqrt(1 + 1 / n)


HEADINGS = (
    "row",
    "metric",
    "published",
    "ours",
    "sd",
    "n",
    "95 %",
    "min - max",
    "difference",
    "verdict",
    "time",
)


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
        "-" if comparison.spread is None else f"± {comparison.spread:.2f}",
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
