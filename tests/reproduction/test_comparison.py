import pytest

from mnist_mlp.reproduction.comparison import compare, is_reproduced, markdown_of, reached, student_t, table_of, verdict
from mnist_mlp.reproduction.published import Figure, Row
from mnist_mlp.reproduction.results import Run

ROW = Row("a test", (Figure("test", "last", 5.0), Figure("val", "peak", 99.9, note="a note")), tolerance=0.5, seeds=2)
HALF = Run({"test/acc": [0.5, 0.9, 0.8, 0.85], "val/acc": [0.4, 0.6, 0.7, 0.7]}, 60.0)


@pytest.mark.parametrize(("epoch", "expected"), [("first", 50.0), ("last", 85.0), ("peak", 90.0), ("best", 80.0)])
def test_metrics(epoch, expected):
    assert reached(Figure("test", epoch, 0.0), [HALF]) == [pytest.approx(expected)]


@pytest.mark.parametrize(
    ("reached", "expected"),
    [(95.0, "reached"), (94.9999, "within 0.5"), (94.5, "within 0.5"), (94.49, "missed by 0.51"), (99.0, "reached")],
)
def test_verdicts(reached, expected):
    row = Row("", (Figure("test", "last", 95.0),), tolerance=0.5)
    assert verdict(row, row.figures[0], reached) == expected
    assert is_reproduced(row, row.figures[0], reached) == (not expected.startswith("missed"))


def test_a_failure_is_reproduced_by_failing():
    row = Row("", (Figure("test", "last", 9.8),), at_most=15)
    assert verdict(row, row.figures[0], 11.0) == "same behaviour"
    assert verdict(row, row.figures[0], 50.0) == "learns where the source does not"
    assert is_reproduced(row, row.figures[0], 11.0)
    assert not is_reproduced(row, row.figures[0], 50.0)


def test_mean_spread_and_interval():
    runs = [Run({"test/acc": [accuracy]}, seconds) for accuracy, seconds in ((0.95, 60), (0.96, 61), (0.97, 65))]
    row = Row("", (Figure("test", "last", 96.5),))
    result = compare("row", row, row.figures[0], runs)
    assert (result.mean, result.n, result.min, result.max) == (pytest.approx(96), 3, 95, 97)
    assert result.sd == pytest.approx(1)
    assert result.interval == pytest.approx(4.3027 / 3**0.5, rel=1e-4)  # from a table of Student's t
    assert result.difference == pytest.approx(-0.5)
    assert result.seconds == 62
    alone = compare("row", row, row.figures[0], runs[:1])
    assert (alone.sd, alone.interval) == (None, None)
    assert student_t(4) == pytest.approx(2.7764, rel=1e-4)


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
