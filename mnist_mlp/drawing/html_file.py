"""The page as one HTML file: its parts, the network and the constants of the preparation put together."""

import json
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from mnist_mlp.console.files import replaced_at_once
from mnist_mlp.drawing.stored_network import stored_network
from mnist_mlp.handwriting import centring, paper, reading, segmentation
from mnist_mlp.prediction import TrainedNetwork, doubt

SCRIPTS = ("network", "resizing", "centring", "segmentation", "preparation", "sheet", "views", "page")
"""The page's scripts, in the order in which they need each other."""
SHARED = {
    centring: ("SIDE", "BOX", "FINE", "DECIMALS", "SOFTNESS", "THINNEST", "THICKEST"),
    segmentation: ("SMALLEST_PIECE", "MOST_PIECES", "SHORTEST_DIGIT", "PART", "BROKEN"),
    paper: ("FAINTEST", "THRESHOLD"),
    reading: ("LONGEST_SIDE",),
    doubt: ("MANY", "MOST_UNSURE"),
}
CONSTANTS = {name: getattr(module, name) for module, names in SHARED.items() for name in names} | {
    "MOST_PIECES_OF_A_DIGIT": doubt.MOST_PIECES
}
"""What the scripts share with the Python modules whose work they do."""


def write_page(network: TrainedNetwork, path: str | Path) -> None:
    """Write a page to draw on, which needs no other file and no connection.

    Args:
        network: What looks at the drawings.
        path: The HTML file; one that exists is replaced, at once.

    Raises:
        ValueError: if a weight is not finite, or the page does not know an activation.
        OSError: if the file cannot be written.
    """
    page = page_of(network)
    with replaced_at_once(Path(path)) as part:
        part.write_text(page, encoding="utf-8")


def page_of(network: TrainedNetwork) -> str:
    """The HTML of the page."""
    return Template(_read("page.html")).substitute(
        style=_read("page.css"),
        constants=_as_json(CONSTANTS),
        network=_as_json(stored_network(network)),
        scripts="\n".join(f"<script>\n{_read(f'{name}.js')}</script>" for name in SCRIPTS),
    )


def is_page(path: Path) -> bool:
    """Whether a file is a page that this module wrote."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return b'<meta name="generator" content="mnist-mlp draw">' in file.read(1000)


def _read(name: str) -> str:
    return files("mnist_mlp.drawing").joinpath(name).read_text(encoding="utf-8")


def _as_json(values: dict[str, Any]) -> str:
    """JSON that may stand in HTML: a name like </script> ends nothing."""
    return json.dumps(values, allow_nan=False).replace("<", "\\u003c")
