"""Pictures of `mnist-mlp reproduce`: published beside measured errors, and the curves that Nielsen's book draws."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from mnist_mlp.console.figures import new_figure
from mnist_mlp.reproduction.comparison import reached
from mnist_mlp.reproduction.published import ROWS
from mnist_mlp.reproduction.results import Run

BLUE, ORANGE = "#2a6ea6", "#ffa933"  # the book's


class Panel(NamedTuple):
    """A drawing of one quantity over the epochs.

    Attributes:
        title: As in the book.
        key: The quantity, "test/acc" or "train/cost" say.
        rows: The rows that are drawn, with their names in the legend.
        first_epoch: Where the drawing starts.
        bottom: The lowest accuracy that is drawn, in percent, or None for all.
    """

    title: str
    key: str
    rows: Mapping[str, str]
    first_epoch: int = 0
    bottom: float | None = None


OVERFIT, REGULARIZED = {"nielsen-ch3-overfit": ""}, {"nielsen-ch3-overfit-l2": ""}
LEARNING_RATES = {
    "nielsen-ch1-30": r"$\eta$ = 3, 30 hidden neurons",
    "nielsen-ch1-slow": r"$\eta$ = 0.001, 100 hidden neurons",
    "nielsen-ch1-blowup": r"$\eta$ = 100, 30 hidden neurons",
}
DRAWINGS = {
    "overfitting": (
        Panel("Cost on the training data", "train/cost", OVERFIT, 200),
        Panel("Accuracy (%) on the test data", "test/acc", OVERFIT, 200),
        Panel("Cost on the test data", "test/cost", OVERFIT),
        Panel("Accuracy (%) on the training data", "train/acc", OVERFIT),
    ),
    "regularized": (
        Panel("Cost on the training data, with its penalty", "train/cost", REGULARIZED),
        Panel("Accuracy (%) on the test data", "test/acc", REGULARIZED),
    ),
    "learning-rates": (Panel("Accuracy (%) on the test data", "test/acc", LEARNING_RATES),),
    "weight-initialization": tuple(
        Panel(
            f"Classification accuracy (%), {n} hidden neurons",
            "val/acc",
            {
                f"nielsen-ch3-init-{n}-large": r"old: $w \sim N(0, 1)$",
                f"nielsen-ch3-init-{n}-scaled": r"new: $w \sim N(0, 1/n_{in})$",
            },
            bottom=85,
        )
        for n in (30, 100)
    ),
}


def draw_curves(runs: Mapping[str, Sequence[Run]], folder: Path) -> list[Path]:
    """Draw the book's curves of those rows that were trained: each seed thinly, and their mean.

    Args:
        runs: The runs of each row.
        folder: Where the PNG files are written.

    Returns:
        Their paths.
    """
    paths = []
    for name, panels in DRAWINGS.items():
        if not all(runs.get(row) for panel in panels for row in panel.rows):
            continue
        columns = min(2, len(panels))
        rows = -(-len(panels) // columns)
        figure = new_figure(5.2 * columns, 3.6 * rows)
        for axes, panel in zip(figure.subplots(rows, columns, squeeze=False).flat, panels, strict=True):
            _draw_panel(axes, panel, runs)
        paths.append(folder / f"{name}.png")
        figure.savefig(paths[-1], dpi=110)
    return paths


def _draw_panel(axes: Any, panel: Panel, runs: Mapping[str, Sequence[Run]]) -> None:
    scale = 100 if panel.key.endswith("/acc") else 1
    for (row, label), colour in zip(panel.rows.items(), (BLUE, ORANGE, "#777777"), strict=False):
        length = min(len(run.series[panel.key]) for run in runs[row])
        epochs = range(min(panel.first_epoch, length - 1), length)
        curves = [[scale * run.series[panel.key][epoch] for epoch in epochs] for run in runs[row]]
        for curve in curves:
            axes.plot(epochs, curve, color=colour, alpha=0.3, linewidth=0.7)
        axes.plot(epochs, [mean(values) for values in zip(*curves, strict=True)], color=colour, label=label)
        axes.set_xlim(epochs[0], epochs[-1])
    axes.set_title(panel.title, fontsize=10)
    axes.set_xlabel("Epoch")
    axes.grid(color="#dddddd")
    axes.set_ylim(bottom=panel.bottom)
    if any(panel.rows.values()):
        axes.legend()


def draw_comparison(runs: Mapping[str, Sequence[Run]], path: Path) -> None:
    """Draw the published error of each row, and ours: the mean and the range of all seeds, in the same metric."""
    rows = [name for name, row in ROWS.items() if len(runs.get(name, [])) >= row.figures[0].best_of][::-1]
    figure = new_figure(8.5, 1.2 + 0.24 * len(rows))
    axes = figure.subplots()
    for y, row in enumerate(rows):
        main = ROWS[row].figures[0]
        errors = [100 - accuracy for accuracy in reached(main, runs[row])]
        axes.plot([min(errors), max(errors)], [y, y], color=BLUE, linewidth=2, solid_capstyle="round")
        axes.plot(mean(errors), y, "o", color=BLUE, markersize=6, label="ours: mean, and range of the seeds")
        axes.plot(100 - main.published, y, "D", color=ORANGE, markersize=5, markeredgecolor="black", label="published")
    axes.set_xscale("log")
    axes.set_yticks(range(len(rows)), rows, fontsize=8)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_xlabel("error (%), each row in its own metric")
    ticks = [
        tick for tick in (0.3, 0.5, 1, 2, 3, 5, 10, 20, 50, 90) if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1]
    ]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.grid(color="#eeeeee")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[:2], labels[:2], loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
    figure.savefig(path, dpi=110)
