from mnist_mlp.benchmark.table import table_of
from mnist_mlp.benchmark.workloads import WORKLOADS


def test_the_table_gives_medians_and_ratios(measured):
    rows = [
        [str(cell) for cell in row]
        for row in zip(*(column.cells for column in table_of(WORKLOADS["small"], measured).columns), strict=True)
    ]
    assert rows[0] == ["our fit, manual", "0.400", "0.300 - 0.500", "80", "0.40", "2.00", "95.00 %", "900"]
    assert rows[2] == ["matrix products alone", "0.200", "0.200 - 0.200", "40", "0.20", "1.00", "-", "900"]
