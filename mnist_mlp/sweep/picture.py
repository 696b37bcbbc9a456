"""A sweep as one picture: how its best accuracy rose, which settings matter, and which values went together."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from itertools import accumulate
from math import log
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from mnist_mlp.console.figures import new_figure
from mnist_mlp.console.files import replaced_at_once
from mnist_mlp.sweep.best_settings import complete, shown
from mnist_mlp.sweep.space import Choices, Parameter

BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#999999"  # Okabe and Ito
AXIS = "error on the validation images (%)"
FEWEST = 4  # complete trials from which an importance says something
SMALLEST = 0.01  # error in percent that the axes, which are logarithmic, show
TICKS = [digit * 10**power for power in (-2, -1, 0, 1) for digit in (1, 1.5, 2, 3, 5, 7)]


def draw_sweep(
    study: optuna.Study, trials: Sequence[FrozenTrial], parameters: Mapping[str, Parameter], path: Path
) -> None:
    """Draw all trials.

    Args:
        study: Optuna's, for the importances.
        trials: Those that ended, of which one is complete.
        parameters: What was drawn, by name.
        path: A PNG file.
    """
    figure = new_figure(max(10, 2.2 * (len(parameters) + 1)), 8)
    above, below = figure.subfigures(2, 1)
    history, importances = above.subplots(1, 2, width_ratios=(3, 2))
    _draw_history(history, trials)
    _draw_importances(importances, study, trials, list(parameters))
    _draw_parallel(below, complete(trials), parameters)
    with replaced_at_once(path) as part:
        figure.savefig(part, format="png", dpi=110, bbox_inches="tight")


def _error(accuracy: float | None) -> float:
    """In percent."""
    return max(SMALLEST, 100 * (1 - (accuracy or 0)))


def _draw_history(axes: Any, trials: Sequence[FrozenTrial]) -> None:
    """The error of each trial, and the least of all before it."""
    kinds = {TrialState.COMPLETE: ("o", BLUE, "trained to the end"), TrialState.PRUNED: ("x", GREY, "given up early")}
    for state, (marker, colour, label) in kinds.items():
        drawn = [trial for trial in trials if trial.state is state and trial.intermediate_values]
        errors = [_error(max(trial.intermediate_values.values())) for trial in drawn]
        axes.scatter([trial.number for trial in drawn], errors, marker=marker, color=colour, label=label)
    ended = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    least = list(accumulate((_error(trial.value) for trial in ended), min))
    axes.step([trial.number for trial in ended], least, where="post", color=ORANGE, label="the best so far")
    axes.set_yscale("log")
    _plain_ticks(axes)
    axes.set(xlabel="trial", ylabel=AXIS)
    axes.xaxis.set_major_locator(import_module("matplotlib.ticker").MaxNLocator(integer=True))
    axes.grid(color="#dddddd")
    axes.set_axisbelow(True)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_importances(axes: Any, study: optuna.Study, trials: Sequence[FrozenTrial], names: list[str]) -> None:
    """How much each setting matters to the accuracy."""
    axes.set(
        title="Importance,\namong trials trained to the end",
        xlabel="share, by PED-ANOVA (Watanabe et al., 2023)",
    )
    axes.spines[["top", "right"]].set_visible(False)
    accuracies = {trial.value for trial in complete(trials)}
    if len(accuracies) < FEWEST:
        axes.text(0.5, 0.5, "too few complete trials", ha="center", va="center", transform=axes.transAxes)
        return
    found = optuna.importance.get_param_importances(study)
    shares = [found.get(name, 0.0) for name in names]
    order = sorted(range(len(names)), key=shares.__getitem__)
    axes.barh([names[i] for i in order], [shares[i] for i in order], color=BLUE)
    axes.bar_label(axes.containers[0], fmt="%.2f", padding=3)
    axes.set_xlim(0, 1.1)


def _draw_parallel(figure: Any, trials: Sequence[FrozenTrial], parameters: Mapping[str, Parameter]) -> None:
    """A line for each complete trial through its values, coloured by its accuracy; the best is drawn last and thick."""
    axes = figure.subplots()
    matplotlib = import_module("matplotlib")
    errors = [_error(trial.value) for trial in trials]
    norm = import_module("matplotlib.colors").LogNorm(errors[0], max(errors[-1], 1.01 * errors[0]))
    colours = import_module("matplotlib.cm").ScalarMappable(norm, matplotlib.colormaps["viridis"])
    for rank, trial in reversed([*enumerate(trials)]):
        places = heights(parameters, trial.params)
        colour = colours.to_rgba(errors[rank])
        axes.plot(
            range(len(places)),
            places,
            marker="o",
            markersize=3,
            color=colour,
            linewidth=3.5 if rank == 0 else 1.2,
            alpha=0.9,
        )
    for place, parameter in enumerate(parameters.values()):
        axes.axvline(place, color="black", linewidth=0.8)
        for height, label in _ticks(parameter):
            axes.text(
                place, height, f" {label}", fontsize=8, va="center", bbox={"color": "white", "alpha": 0.7, "pad": 0.5}
            )
    axes.set_xticks(range(len(parameters)), [name.replace(".", ".\n") for name in parameters], fontsize=8)
    axes.set_yticks([])
    axes.set_title(
        "Values that went together: one line for each trial that was trained to its end; the thick one is the best"
    )
    axes.spines[["top", "right", "bottom", "left"]].set_visible(False)
    bar = figure.colorbar(colours, ax=axes, label=AXIS, fraction=0.05, pad=0.03)
    _plain_ticks(bar.ax)


def _plain_ticks(axes: Any) -> None:
    """Let a logarithmic axis of errors say 2 and 5, and not 2 times 10 to the 0."""
    low, high = axes.get_ylim()
    ticks = [tick for tick in TICKS if low <= tick <= high]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()


def heights(parameters: Mapping[str, Parameter], drawn: Mapping[str, Any]) -> list[float]:
    """Where the values that were drawn stand on the axes of their parameters, from 0 to 1."""
    return [_height(parameter, drawn[name]) for name, parameter in parameters.items()]


def _height(parameter: Parameter, value: Any) -> float:
    """Where a value stands on its axis, from 0 to 1."""
    if isinstance(parameter, Choices):
        return parameter.labels.index(value) / (len(parameter.labels) - 1)
    low, high = parameter.corners
    if parameter.log:
        return log(value / low) / log(high / low)
    return (value - low) / (high - low)


def _ticks(parameter: Parameter) -> list[tuple[float, str]]:
    """Some values of an axis, and where they stand."""
    if isinstance(parameter, Choices):
        return [(_height(parameter, label), shown(label)[:24]) for label in parameter.labels]
    low, high = parameter.corners
    middle = (low * high) ** 0.5 if parameter.log else (low + high) / 2
    values = [low, round(middle) if parameter.is_whole else middle, high]
    return [(_height(parameter, value), shown(float(value) if value < 1e4 else value)) for value in values]
