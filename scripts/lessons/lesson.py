"""What all lessons share: their options, the digits, and where their figure goes."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from mnist_mlp.data.idx_files import data_folder
from mnist_mlp.data.sources import read_dataset

try:
    from matplotlib.figure import Figure
except ImportError:
    sys.exit("lessons draw with matplotlib, which is not installed: pip install 'mnist-mlp[plots]'")

Lesson = Callable[[int], tuple[dict[str, float], Figure]]
BLUE, ORANGE, GREY = "#2a6ea6", "#ffa933", "#777777"


def run(lesson: Lesson, about: str | None) -> None:
    """Run a lesson from the command line.

    Args:
        lesson: Takes the seed, prints what it shows, and returns its numbers and its figure.
        about: The lesson's docstring.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--output", type=Path, default=Path(), metavar="DIR", help="where the figure goes (default: here)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="(default: 0)")
    options = parser.parse_args()
    if not options.output.is_dir():
        sys.exit(f"there is no folder {options.output}; make it, or name another with --output")
    torch.set_num_threads(1)  # for small matrices
    try:
        torch.manual_seed(options.seed)
        _, figure = lesson(options.seed)
        path = options.output / f"{Path(sys.argv[0]).stem}.png"
        figure.savefig(path, dpi=110)
    except (ValueError, OSError, OverflowError, RuntimeError) as error:
        sys.exit(" ".join(str(error).split()))
    except KeyboardInterrupt:
        sys.exit("interrupted")
    print(path)


def new_figure(width: float = 8.5, height: float = 3.8) -> Figure:
    """An empty figure, its size in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def read_digits(n: int, train: bool = True) -> tuple[str, Float32[Tensor, "n 784"], Int64[Tensor, "n"]]:
    """The first n images of MNIST, or where it isn't there of scikit-learn's digits, pixels in [0, 1]; and its name."""
    name = "mnist"
    try:
        data = read_dataset(name, data_folder(), train)
    except OSError:
        name = "digits"
        data = read_dataset(name, data_folder(), train)
        print(f"MNIST is not in {data_folder()}: {len(data.labels):,} of scikit-learn's digits stand in")
    return name, data.images[:n].float() / 255, data.labels[:n]
