"""`mnist-mlp draw`: what is typed, written and opened."""

import webbrowser
from pathlib import Path

from mnist_mlp.console.command_parser import CommandParser
from mnist_mlp.console.files import check_file
from mnist_mlp.drawing.html_file import is_page, write_page
from mnist_mlp.fit.run_folder import run_folder
from mnist_mlp.prediction import load


def run(args: list[str]) -> int:
    """Run `mnist-mlp draw`.

    Returns:
        The exit status, 0.

    Raises:
        ValueError: if there is no such checkpoint, the page cannot show its network, or another file would be lost.
        OSError: if the file cannot be written.
    """
    parser = CommandParser(
        "mnist-mlp draw",
        description="Write a page to draw on, which shows what a trained network makes of the drawing, and open it.",
    )
    parser.add_argument(
        "--ckpt_path", default="best", metavar="best|last|PATH", help="which network (default: the newest run's best)"
    )
    parser.add_argument("--output", type=Path, metavar="PATH", help="(default: draw.html in the run's folder)")
    parser.add_argument("--no_open", action="store_true", help="do not open the page in a browser")
    options = parser.parse_args(args)
    network = load(options.ckpt_path)
    checkpoint = Path(network.settings["checkpoint"])
    path = options.output or (run_folder(checkpoint) or Path()) / "draw.html"
    check_page(path)
    write_page(network, path)
    opened = not options.no_open and opened_in_a_browser(path)
    print(f"{path} · {checkpoint}{'' if opened or options.no_open else ' · there is no browser here: open it in one'}")
    return 0


def check_page(path: Path) -> None:
    """See that a page can be written, and that no other file is lost.

    Raises:
        ValueError: if it cannot, or if the file exists and is no page of this command.
    """
    if path.suffix != ".html":
        raise ValueError(f"--output must name a .html file; got {path}")
    check_file("output", path)
    if path.exists() and not is_page(path):
        raise ValueError(f"--output would replace {path}, which mnist-mlp draw did not write: choose another name")


def opened_in_a_browser(path: Path) -> bool:
    """Whether there is a browser that was told to open a file."""
    try:
        return webbrowser.open(path.resolve().as_uri())
    except webbrowser.Error:
        return False
