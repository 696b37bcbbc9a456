import numpy as np
import pytest

from mnist_mlp.reproduction.comparison import compare, markdown_of, prediction_interval, reached, table_of, verdict
from mnist_mlp.reproduction.published import Figure, Row
from mnist_mlp.reproduction.results import Run

ROW = Row("a test", (Figure("test", "last", 5.0), Figure("val", "peak", 99.9, note="a note")), seeds=2)
HALF = Run({"test/acc": [0.5, 0.9, 0.8, 0.85], "val/acc": [0.4, 0.6, 0.7, 0.7]}, 60.0)


@pytest.mark.parametrize(("epoch", "expected"), [("first", 50.0), ("last", 85.0), ("peak", 90.0), ("best", 80.0)])
def test_metrics(epoch, expected):
    assert reached(Figure("test", epoch, 0.0), [HALF]) == [pytest.approx(expected)]


@pytest.mark.parametrize(
    ("accuracy", "spread", "expected"),
    [
        (95.0, 0.0, "reached"),
        (99.0, None, "reached"),
        (94.9999, 0.1, "within its spread"),
        (94.5, 0.5, "within its spread"),
        (94.49, 0.5, "missed by 0.51"),
        (94.9, None, "missed by 0.10"),
    ],
)
def test_verdicts(accuracy, spread, expected):
    row = Row("", (Figure("test", "last", 95.0),))
    assert verdict(row, row.figures[0], accuracy, spread) == expected


def test_a_failure_is_reproduced_by_failing():
    row = Row("", (Figure("test", "last", 9.8),), at_most=15)
    assert verdict(row, row.figures[0], 11.0, None) == "same behaviour"
    assert verdict(row, row.figures[0], 50.0, 99.0) == "learns where the source does not"


@pytest.mark.parametrize(("published", "is_reproduced"), [(95.0, True), (96.5, True), (101.0, False)])
def test_what_counts_as_reproduced(published, is_reproduced):
    """Three runs of 96 on average, whose spread is 4.97."""
    runs = [Run({"test/acc": [accuracy]}, 60) for accuracy in (0.95, 0.96, 0.97)]
    row = Row("", (Figure("test", "last", published),))
    assert compare("row", row, row.figures[0], runs).is_reproduced == is_reproduced


def test_one_more_run_lies_in_the_interval_as_often_as_it_says():
    """Of five normally distributed runs and one more, 20,000 times."""
    runs = np.random.default_rng(0).normal(97, 0.2, (20_000, 6))
    middle, sd = runs[:, :5].mean(axis=1), runs[:, :5].std(axis=1, ddof=1)
    inside = np.abs(runs[:, 5] - middle) <= prediction_interval(1.0, 5) * sd
    assert inside.mean() == pytest.approx(0.95, abs=0.005)


def test_mean_spread_and_interval():
    runs = [Run({"test/acc": [accuracy]}, seconds) for accuracy, seconds in ((0.95, 60), (0.96, 61), (0.97, 65))]
    row = Row("", (Figure("test", "last", 96.5),))
    result = compare("row", row, row.figures[0], runs)
    assert (result.mean, result.n, result.min, result.max) == (pytest.approx(96), 3, 95, 97)
    assert result.sd == pytest.approx(1)
    assert result.spread == pytest.approx(4.3027 * (4 / 3) ** 0.5, rel=1e-4)  # from a table of Student's t
    assert result.difference == pytest.approx(-0.5)
    assert result.seconds == 62
    alone = compare("row", row, row.figures[0], runs[:1])
    assert (alone.sd, alone.spread) == (None, None)


def test_the_best_of_three_is_taken_of_every_three():
    accuracies = (0.90, 0.96, 0.93, 0.80, 0.98, 0.97, 0.99)
    runs = [Run({"test/acc": [accuracy]}, 60) for accuracy in accuracies]
    row = Row("", (Figure("test", "last", 97.0, best_of=3),))
    result = compare("row", row, row.figures[0], runs)
    assert (result.n, result.mean, result.min, result.max) == (2, pytest.approx(97), 96, 98)
    assert result.metric == "test, last epoch, best of 3"


def test_the_best_run_is_chosen_by_its_peak_where_it_may_be_chosen():
    runs = [
        Run({"val/acc": [0.7, 0.9], "test/acc": [0.6, 0.8]}, 60),
        Run({"val/acc": [0.8, 0.7], "test/acc": [0.85, 0.84]}, 60),
    ]
    assert reached(Figure("test", "best", 97.0, best_of=2), runs) == [80]  # the first: 90 % of the validation images
    assert reached(Figure("test", "last", 97.0, best_of=2), runs) == [84]
    runs = [Run({"test/acc": [0.9, 0.6]}, 60), Run({"test/acc": [0.8, 0.7]}, 60)]
    assert reached(Figure("test", "last", 97.0, best_of=2), runs) == [60]


def test_the_tables():
    lines = [compare("tiny", ROW, figure, [HALF]) for figure in ROW.figures]
    (column,) = (c for c in table_of(lines).columns if c.header == "ours")
    assert list(column.cells) == ["85.00", "70.00"]
    first, second = markdown_of(lines).splitlines()[2:4]
    assert first == (
        "| [tiny](tiny.yaml) | a test | test, last epoch | 5.00 | 85.00 | - | 1 | - | 85.00 - 85.00 | +80.00 | reached "
        "| 1:00 |"
    )
    assert "99.90 [1]" in second
    assert "missed by 29.90" in second
    assert "[1] a note." in markdown_of(lines)
