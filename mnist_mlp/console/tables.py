"""The tables of all commands: one style, and a terminal that is wide enough for them."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table


def plain_table(*headings: str, title: str | None = None) -> Table:
    """An empty table with a line below its headings, and no other."""
    return Table(*headings, title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))


def wide_console(width: int) -> Console:
    """A console of at least this width in characters, so that no table is folded where output goes into a file."""
    console = Console()
    console.width = max(console.width, width)
    return console
