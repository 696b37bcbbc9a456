"""The tables of `mnist-mlp verify`: what agrees, and where a network's gradients disagree."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from mnist_mlp.console.tables import plain_table
from mnist_mlp.verification.difference import MAX_RELATIVE, largest

COLUMNS = ("equal", "single", "blocks", "central", "agree")

Row = dict[str, Any]


def table_of(rows: list[Row], *keys: str) -> Table:
    """The largest differences of the rows that share the values of these keys, of which one is their dtype."""
    table = plain_table(*keys, *COLUMNS, title="Gradients by hand, beside autograd's: the largest differences")
    for values, group in _groups(rows, *keys):
        measure = "relative" if group[0]["dtype"] == "float64" else "ulp"
        table.add_row(
            *map(str, values),
            f"{sum(row['equal'] for row in group)}/{len(group)}",
            _shown(group, measure),
            _shown(group, f"block_{measure}"),
            _shown(group, "central"),
            "[green]yes" if all(row["agrees"] for row in group) else "[red]no",
        )
    return table


def explanation(max_ulp: int) -> str:
    """What stands below the table: why gradients agree that are not equal.

    Args:
        max_ulp: How far they may be apart in float32 and bfloat16, in units in the last place.
    """
    return (
        "equal: of how many gradients every bit is equal; the others differ by rounding.\n"
        f"In float64 a difference is relative to the largest element; {MAX_RELATIVE:.0e} is allowed.\n"
        f"Else it is in units in the last place; {max_ulp} of them are allowed."
    )


def table_of_faults(rows: list[Row]) -> Table:
    """For each shape of the networks and each parameter, how many gradients are wrong."""
    headings = ("layers", "parameter", "disagree", "difference, relative")
    table = plain_table(*headings, title="Which gradients disagree, of all precisions")
    for (layers, parameter), group in _groups(rows, "layers", "parameter"):
        wrong = [row for row in group if not row["agrees"]]
        table.add_row(layers, parameter, f"{len(wrong)} of {len(group)}", _shown(wrong, "relative"))
    return table


def _groups(rows: list[Row], *keys: str) -> Iterator[tuple[tuple[Any, ...], list[Row]]]:
    """The values of these keys, each with the rows that share them, in the order of the first."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return iter(groups.items())


def _shown(rows: list[Row], name: str) -> str:
    values = [row[name] for row in rows if row[name] is not None]
    return f"{largest(values):.2g}" if values else ""
