"""The table of `mnist-mlp verify`."""

from typing import Any

from rich.table import Table

from mnist_mlp.console.tables import plain_table
from mnist_mlp.verification.difference import largest

COLUMNS = ("equal", "absolute", "relative", "ulp", "blocks", "central", "")


def table_of(rows: list[dict[str, Any]], *keys: str) -> Table:
    """The largest differences of the rows that share the values of these keys."""
    title = "Hand-written gradients: largest difference from autograd's, and from central differences"
    table = plain_table(*keys, *COLUMNS, title=title)
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    for values, group in groups.items():
        table.add_row(
            *map(str, values),
            f"{sum(row['equal'] for row in group)}/{len(group)}",
            *(_shown(group, name) for name in ("absolute", "relative", "ulp", "block_relative", "central")),
            "[green]agrees" if all(row["agrees"] for row in group) else "[red]disagrees",
        )
    return table


def _shown(rows: list[dict[str, Any]], name: str) -> str:
    values = [row[name] for row in rows if row[name] is not None]
    return f"{largest(values):.2g}" if values else ""
