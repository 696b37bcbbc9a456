"""A configuration of `mnist-mlp fit` with a section `search:`, which names settings to look for."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from mnist_mlp.fit import TrainingSession, prepare
from mnist_mlp.fit.settings import laid_over, read_settings
from mnist_mlp.lightning_internals.parser_messages import CLASSES
from mnist_mlp.sweep.space import Parameter, SearchedSetting, searched_setting

SILENT = {
    "trainer": {
        "logger": False,
        "enable_progress_bar": False,
        "enable_checkpointing": False,
        "devices": 1,
    },
    "dashboard": {"enabled": False},
}
NOTHING = object()  # no value, not even null
OF_THE_VALIDATION_IMAGES = ("data.dataset", "data.data_dir", "data.val_size")


@dataclass(frozen=True)
class Search:
    """What is looked for, and what all trainings have alike.

    Attributes:
        config: The configuration file.
        fixed: Its settings without the section `search:`, by section.
        settings: What is searched.
    """

    config: Path
    fixed: Mapping[str, Any]
    settings: Sequence[SearchedSetting]

    @property
    def parameters(self) -> dict[str, Parameter]:
        """All that is drawn for a trial, by name."""
        return {name: each for setting in self.settings for name, each in setting.parameters.items()}

    @property
    def digest(self) -> str:
        """What the search and the fixed settings hash to, whatever comments and order the file has."""
        content = [self.fixed, {name: repr(parameter) for name, parameter in self.parameters.items()}]
        content.append({setting.name: setting.depth for setting in self.settings})
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def settings_of(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of a training, by section.

        Args:
            drawn: A value for each parameter.

        Raises:
            ValueError: if a setting is fixed, too.
        """
        settings = dict(self.fixed)
        for setting in sorted(
            self.settings, key=lambda setting: setting.name.count(".")
        ):  # a class before its arguments
            settings = _with_setting(settings, setting.name, setting.value(drawn))
        return settings

    def _corners(self) -> Iterator[dict[str, Any]]:
        """Each end of a range and each choice once, beside the first of all others, and the last of all together."""
        parameters = self.parameters
        first = {name: parameter.corners[0] for name, parameter in parameters.items()}
        yield first
        for name, parameter in parameters.items():
            yield from ({**first, name: corner} for corner in parameter.corners[1:])
        yield {name: parameter.corners[-1] for name, parameter in parameters.items()}

    def check(self) -> list[TrainingSession]:
        """See that `fit` understands the ends of all ranges and all choices, before anything is trained.

        Returns:
            A session of each.

        Raises:
            ValueError: if it does not, or there would be no validation images to choose by.
        """
        sessions = [prepare("fit", **laid_over(self.settings_of(drawn), SILENT)) for drawn in self._corners()]
        for session in sessions:
            session.model.configure_optimizers()
        if sessions[0].config.data.val_size == 0:
            raise ValueError(f"{self.config}: a sweep chooses by the validation images; give data.val_size more than 0")
        return sessions


def read_search(config: Path) -> Search:
    """Read a configuration file with a section `search:`.

    Raises:
        ValueError: if there is none, or what it says makes no sense.
    """
    fixed = read_settings(config)
    fixed.setdefault("name", config.stem)
    asked = fixed.pop("search", None)
    if not isinstance(asked, Mapping) or not asked:
        raise ValueError(
            f"{config} must have a section search: with settings and their ranges, such as "
            f"model.optimizer.lr: {{low: 1e-4, high: 1e-1, log: true}}; got {asked!r:.80}"
        )
    for name in asked:
        if name in OF_THE_VALIDATION_IMAGES:
            raise ValueError(f"search: {name} cannot be searched, since all trials must validate on the same images")
    return Search(config, fixed, [searched_setting(str(name), each) for name, each in asked.items()])


def _with_setting(settings: Mapping[str, Any], name: str, value: Any) -> dict[str, Any]:
    """Settings with one more, which is an argument of a class where one is set, or always is, above it.

    Raises:
        ValueError: if it is set already.
    """
    path: list[str] = []
    above, node = "", settings
    for word in name.split("."):
        of_a_class = above in CLASSES or (above and isinstance(node, str))
        of_a_class = of_a_class or (isinstance(node, Mapping) and "class_path" in node)
        keys = ["init_args", word] if of_a_class and word not in ("class_path", "init_args") else [word]
        node = reduce(_below, keys, node)
        above = f"{above}.{word}" if above else word
        path += keys
    if node is not NOTHING:
        raise ValueError(f"search: {name} is searched, and set to {node!r:.80}, too; leave one out")
    return laid_over(settings, reduce(lambda inner, key: {key: inner}, reversed(path), value))


def _below(node: Any, key: str) -> Any:
    return node.get(key, NOTHING) if isinstance(node, Mapping) else NOTHING
