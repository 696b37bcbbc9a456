"""The chart of a competition: one panel for each workload.

Times differ by a factor of fifty, so that the axis is logarithmic; and since it has no zero from which the length of a
bar could be read, a time is a point.
"""

from importlib import import_module
from math import floor, log10
from pathlib import Path
from statistics import median
from typing import Any

from mnist_mlp.benchmark.competition import Measurement
from mnist_mlp.benchmark.contestants import PRODUCTS_ALONE
from mnist_mlp.benchmark.workloads import WORKLOADS, Workload
from mnist_mlp.console.figures import new_figure

OURS, OTHERS, PRODUCTS = "#c44e52", "#4c72b0", "#b0b0b0"


def draw(measurements: list[Measurement], path: Path) -> None:
    """Draw the seconds of an epoch: medians, with the range of the repeats."""
    names = list(dict.fromkeys(m.workload for m in measurements))
    figure = new_figure(4.2 * len(names) + 1.6, 4.2)
    for panel, (axes, name) in enumerate(zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True)):
        _draw_panel(axes, WORKLOADS[name], [m for m in measurements if m.workload == name][::-1])
        if panel:
            axes.set_yticklabels([])
    figure.savefig(path, dpi=120)


def _draw_panel(axes: Any, workload: Workload, rows: list[Measurement]) -> None:
    middles = [median(m.seconds) for m in rows]
    colours = [_colour(m.contestant) for m in rows]
    places = range(len(rows))
    axes.set_yticks(places, [m.contestant for m in rows])
    least, most = [min(m.seconds) for m in rows], [max(m.seconds) for m in rows]
    axes.hlines(places, least, most, colors=colours, linewidth=3, alpha=0.5)
    axes.scatter(middles, places, s=64, color=colours, zorder=3)
    axes.grid(color="#e6e6e6")
    axes.set_axisbelow(True)
    axes.set_xscale("log")
    axes.set_xlim(10 ** floor(log10(min(least))), max(most) * 4)
    for i, (middle, m) in enumerate(zip(middles, rows, strict=True)):
        text = f"{middle:#.2g} s" if middle < 10 else f"{middle:.0f} s"
        place = {"xytext": (9, 0), "textcoords": "offset points"}
        axes.annotate(text, (max(m.seconds), i), va="center", fontsize=9, **place)
    sizes = "-".join(map(str, workload.sizes))
    axes.set_title(f"{workload.name}: {sizes}, batch {workload.batch_size}", fontsize=10)
    axes.set_xlabel("seconds per epoch (logarithmic)")
    axes.xaxis.set_major_locator(import_module("matplotlib.ticker").LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)


def _colour(contestant: str) -> str:
    if contestant.startswith("our"):
        return OURS
    return PRODUCTS if contestant == PRODUCTS_ALONE else OTHERS
