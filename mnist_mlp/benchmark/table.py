"""The table of a competition, for the terminal."""

from statistics import mean, median

from rich.table import Table

from mnist_mlp.benchmark.competition import Measurement
from mnist_mlp.benchmark.contestants import BARE_LOOP, PRODUCTS_ALONE
from mnist_mlp.benchmark.workloads import Workload
from mnist_mlp.console.percent import percent
from mnist_mlp.console.tables import plain_table


def table_of(workload: Workload, measurements: list[Measurement]) -> Table:
    """Medians, ranges and ratios of one workload."""
    headings = ("", "s/epoch", "min - max", "µs/step", "/ bare loop", "/ products", "accuracy", "process MB")
    table = plain_table(*headings, title=str(workload))
    medians = {m.contestant: median(m.seconds) for m in measurements}
    for m in measurements:
        seconds = medians[m.contestant]
        ratios = (
            f"{seconds / medians[other]:.2f}" if other in medians else "-" for other in (BARE_LOOP, PRODUCTS_ALONE)
        )
        table.add_row(
            m.contestant,
            f"{seconds:.3f}",
            f"{min(m.seconds):.3f} - {max(m.seconds):.3f}",
            f"{seconds / workload.steps * 1e6:.0f}",
            *ratios,
            percent(mean(m.accuracies)) if m.accuracies else "-",
            f"{m.megabytes:.0f}",
        )
    return table
