"""What a section `search:` may ask for: ranges of numbers, choices, and layers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isclose, isfinite
from typing import Any

from mnist_mlp.console.plain_errors import nearest

Scalar = bool | int | float | str | None

RANGE = ("low", "high", "step", "log")
LAYERS = ("depth", "width")
FORMS = (
    "a list of choices, {low: ..., high: ...} with step or log: true where wanted, "
    "or {depth: [fewest, most], width: {low: ..., high: ...}}"
)


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both of which may be drawn; whole numbers where both are whole.

    Attributes:
        low: The smallest.
        high: The largest.
        step: The distance of two neighbours, or None for any number, and 1 between whole ones.
        log: Whether the logarithm is drawn evenly, and not the number.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers are drawn."""
        return isinstance(self.low, int) and isinstance(self.high, int) and not isinstance(self.step, float)

    @property
    def corners(self) -> tuple[float, float]:
        """The values between which all others lie."""
        return self.low, self.high


@dataclass(frozen=True)
class Choices:
    """Values of which one is drawn.

    Attributes:
        values: They may be anything that YAML can say.
    """

    values: tuple[Any, ...]

    @property
    def labels(self) -> tuple[Scalar, ...]:
        """The same, lists and classes with settings as texts: what Optuna keeps, and tables show."""
        return tuple(json.dumps(value) if isinstance(value, list | dict) else value for value in self.values)

    @property
    def corners(self) -> tuple[Scalar, ...]:
        """All of them, as their labels."""
        return self.labels

    def value_of(self, label: Scalar) -> Any:
        """The value that a label stands for."""
        return self.values[self.labels.index(label)]


Parameter = Range | Choices


@dataclass(frozen=True)
class SearchedSetting:
    """A setting of `fit`, and what is drawn for it.

    Attributes:
        name: As it is typed: model.optimizer.lr.
        parameters: What is drawn, by its name: the setting's own, or for layers name.depth and name.width.
        depth: The number of layers, where it is not drawn, else None.
    """

    name: str
    parameters: Mapping[str, Parameter]
    depth: int | None = None

    def value(self, drawn: Mapping[str, Any]) -> Any:
        """The setting's value, of what was drawn for all parameters of the search."""
        if self.name not in self.parameters:
            depth = self.depth or drawn[f"{self.name}.depth"]
            return [drawn[f"{self.name}.width"]] * depth
        parameter, value = self.parameters[self.name], drawn[self.name]
        return parameter.value_of(value) if isinstance(parameter, Choices) else value


def searched_setting(name: str, asked: Any) -> SearchedSetting:
    """A line of the section `search:`.

    Args:
        name: The setting.
        asked: What stands behind it: choices, a range, or layers, which all have one width.

    Raises:
        ValueError: if that makes no sense.
    """
    if isinstance(asked, Mapping) and set(asked) & set(LAYERS):
        return _layers(name, asked)
    return SearchedSetting(name, {name: _parameter(name, asked)})


def _parameter(name: str, asked: Any) -> Parameter:
    if isinstance(asked, list):
        return _choices(name, asked)
    if isinstance(asked, Mapping) and set(asked) & set(RANGE):
        return _range(name, asked)
    raise ValueError(f"search: {name} must be {FORMS}; got {asked!r:.80}")


def _choices(name: str, values: Sequence[Any]) -> Choices:
    choices = Choices(tuple(values))
    labels = choices.labels
    if len(labels) < 2:
        raise ValueError(f"search: {name} must have at least two choices; got {len(labels)}: put one value outside")
    for place, label in enumerate(labels):
        if label in labels[:place]:
            raise ValueError(f"search: {name} must have choices that differ; got {label!r:.80} twice")
    return choices


def _range(name: str, asked: Mapping[str, Any]) -> Range:
    _check_names(name, asked, RANGE)
    if missing := [end for end in ("low", "high") if end not in asked]:
        raise ValueError(f"search: {name} needs {missing[0]}, as in {{low: 0.1, high: 0.5}}")
    for word in ("low", "high", "step"):
        if word in asked and not _is_number(asked[word]):
            raise ValueError(f"search: {word} of {name} must be a finite number; got {asked[word]!r:.80}")
    if not isinstance(asked.get("log", False), bool):
        raise ValueError(f"search: log of {name} must be true or false; got {asked['log']!r:.80}")
    found = Range(**asked)
    if not found.low < found.high:
        raise ValueError(f"search: low of {name} must be below its high; got low {found.low} and high {found.high}")
    if found.log and found.low <= 0:
        raise ValueError(f"search: low of {name} must be above 0, since log is true; got {found.low}")
    _check_step(name, found)
    return found


def _check_step(name: str, found: Range) -> None:
    if found.step is None:
        return
    if found.log:
        raise ValueError(f"search: {name} may have a step or log: true, not both; leave one out")
    if not found.step > 0:
        raise ValueError(f"search: step of {name} must be above 0; got {found.step}")
    steps = (found.high - found.low) / found.step
    if round(steps) < 1 or not isclose(steps, round(steps), rel_tol=1e-9):
        raise ValueError(
            f"search: high of {name} must be whole steps above its low; got low {found.low}, high {found.high} "
            f"and step {found.step}"
        )


def _layers(name: str, asked: Mapping[str, Any]) -> SearchedSetting:
    """Layers of one width: with widths that differ it is hard to say which of them matters (Bengio, 2012, 3.2)."""
    _check_names(name, asked, LAYERS)
    if set(asked) != set(LAYERS):
        raise ValueError(
            f"search: {name} needs depth and width, as in {{depth: [1, 3], width: {{low: 30, high: 300}}}}"
        )
    depth, ends = asked["depth"], asked["depth"] if isinstance(asked["depth"], list) else [asked["depth"]] * 2
    if len(ends) != 2 or not all(type(end) is int and end >= 1 for end in ends) or ends[0] > ends[1]:
        raise ValueError(f"search: depth of {name} must be a number of layers, or [fewest, most]; got {depth!r:.80}")
    width = _parameter(f"{name}.width", asked["width"])
    if any(
        type(value) is not int or value < 1 for value in (width.values if isinstance(width, Choices) else width.corners)
    ):
        raise ValueError(f"search: width of {name} must be whole numbers of at least 1; got {asked['width']!r:.80}")
    parameters: dict[str, Parameter] = {f"{name}.width": width}
    if ends[0] == ends[1]:
        return SearchedSetting(name, parameters, depth=ends[0])
    return SearchedSetting(name, {f"{name}.depth": Range(*ends), **parameters})


def _check_names(name: str, asked: Mapping[str, Any], known: Sequence[str]) -> None:
    if unknown := [word for word in asked if word not in known]:
        meant = nearest(str(unknown[0]), known)
        hint = f"did you mean {meant}?" if meant else f"there are {', '.join(known)}"
        raise ValueError(f"search: {name} has no {unknown[0]!s:.80}; {hint}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
