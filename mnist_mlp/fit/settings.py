"""Settings in layers: a run's own, those of a file, those given in Python, and those typed on the command line."""

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import Namespace, get_loader

from mnist_mlp.console.files import expanded
from mnist_mlp.fit.yaml_text import SECTIONS, check_meaning, check_meaning_of

LOG_DIR = "logs"


def log_folder(given: str | Path | None) -> Path:
    """The folder of all runs: what was given, with ~ and variables as TensorBoard replaces them, or logs."""
    return expanded(given or LOG_DIR)


def read_settings(file: Path) -> dict[str, Any]:
    """The settings that a configuration file holds, by section.

    Raises:
        ValueError: if there is no such file, or it holds something else.
    """
    if not file.is_file():
        raise ValueError(f"config: File does not exist: {str(file)!r}")
    try:
        return settings_in(file.read_text(encoding="utf-8"), file)
    except UnicodeDecodeError as error:
        raise ValueError(f"Problems parsing config {file}: it is not text in UTF-8") from error


def settings_in(text: str, file: Path) -> dict[str, Any]:
    """The settings that the text of a configuration file holds, by section.

    Raises:
        ValueError: if it holds something else.
    """
    try:
        check_meaning(text)
        settings = get_loader("yaml")(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"Problems parsing config {file}: {error or 'it is nested too deeply'}") from error
    except ValueError as error:
        raise ValueError(f"{file}, {error}") from error
    if not isinstance(settings, dict):
        raise ValueError(f"{file} must hold settings by section, such as model and data; got {settings!r:.80}")
    if (name := _odd_name(settings)) is not None:
        raise ValueError(f"{file}: the name of a setting must be a word without spaces; got {name!r:.80}")
    for section in SECTIONS:
        if not isinstance(settings.get(section, {}), Mapping | str):  # a text names another file
            raise ValueError(f"{file}: {section} must hold settings; got {settings[section]!r:.80}")
    return settings


def _odd_name(settings: Any, above: str = "") -> str | None:
    """The first name that is empty or has a space, with those above it, or None."""
    for name, value in settings.items() if isinstance(settings, Mapping) else ():
        whole = f"{above}{name}"
        if isinstance(name, str) and (not name or re.search(r"\s", name)):
            return whole
        if (inner := _odd_name(value, f"{whole}.")) is not None:
            return inner
    return None


def named_classes(value: Any) -> list[Namespace]:
    """The classes that a setting names, one or a list of them, without those that a program has made already."""
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, Namespace)]


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with others laid over them, section by section; what names a class_path replaces the init_args, too."""
    settings = dict(below)
    for name, value in above.items():
        old = settings.get(name)
        if isinstance(old, str) and isinstance(value, Mapping) and "init_args" in value:
            old = {"class_path": old}  # where a class has no init_args, its path may stand alone
        if isinstance(old, Mapping) and isinstance(value, Mapping) and "class_path" not in value:
            value = laid_over(old, value)
        settings[name] = value
    return settings


@dataclass(frozen=True)
class CheckpointAsked:
    """Which checkpoint is asked for, and where its run is looked for.

    Attributes:
        ckpt_path: best, last, or a path; None for none.
        log_dir: The folder of all runs.
        name: The run's folder in it, where it is known.
        weights: The same for the weights that a new run begins from.
        weights_are_typed: Whether these were typed, and do not stand in a file.
    """

    ckpt_path: str | None
    log_dir: Path
    name: str | None
    weights: str | None
    weights_are_typed: bool


@dataclass(frozen=True)
class Given:
    """The settings that a session is given, each laid over those before.

    Attributes:
        file: A configuration file, or None.
        settings: Sections and settings, as in such a file.
        typed: What is typed on the command line after the command.
    """

    file: Path | None
    settings: Mapping[str, Any]
    typed: Sequence[str]

    def over(self, remembered: Mapping[str, Any]) -> dict[str, Any]:
        """What is not typed, laid over the settings of a run."""
        layers = [read_settings(self.file)] if self.file else []
        settings = reduce(laid_over, [*layers, self.settings], dict(remembered))
        check_meaning_of(settings)
        for name, value in self.typed_values():
            check_meaning_of(value, name)
        if self.file and settings.get("name") is None:
            settings["name"] = self.file.stem
        return settings

    def typed_values(self) -> Iterator[tuple[str, str]]:
        """What is typed for each setting, by its name; a name alone counts as typed for the one before."""
        before = ""
        for word in self.typed:
            name, equals, value = word.removeprefix("--").partition("=")
            yield (name, value) if equals else (before, word)
            before = name

    @cached_property
    def _seen(self) -> argparse.Namespace:
        """What must be known of the typed arguments before they can be parsed."""
        parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        parser.add_argument("--ckpt_path")
        parser.add_argument("--name")
        parser.add_argument("--weights")
        parser.add_argument("--trainer.default_root_dir", dest="log_dir")
        parser.add_argument("--config", "-c", type=Path, action="append", default=[])
        parser.add_argument("--trust", action="store_true")
        parser.add_argument("--help", "-h", "--print_config", action="store_true")
        return parser.parse_known_args(self.typed)[0]

    @property
    def asks_for_help(self) -> bool:
        """Whether nothing is wanted but the list of settings."""
        return self._seen.help

    @property
    def trusts(self) -> bool:
        """Whether the classes that a run names may be any. A file cannot say so: it may come with the run."""
        return self._seen.trust or self.settings.get("trust") is True

    def checkpoint(self) -> CheckpointAsked:
        """What all of them together say of a checkpoint."""
        seen, files = self._seen, [self.file] if self.file else []
        settings: dict[str, Any] = {}
        for file in [*files, *seen.config]:
            settings = laid_over(settings, read_settings(file))
        settings = laid_over(settings, self.settings)
        trainer = settings.get("trainer")
        log_dir = trainer.get("default_root_dir") if isinstance(trainer, Mapping) else None
        weights = settings.get("weights")
        paths = (("ckpt_path", settings.get("ckpt_path")), ("weights", weights), ("trainer.default_root_dir", log_dir))
        for name, value in paths:
            if not isinstance(value, str | Path | None):
                raise ValueError(f"{name} must be a path; got {value!r:.80}")
        stems = [file.stem for file in [*files, *seen.config]]
        return CheckpointAsked(
            seen.ckpt_path or settings.get("ckpt_path"),
            log_folder(seen.log_dir or log_dir),
            next((name for name in (seen.name, settings.get("name"), *stems[-1:]) if name is not None), None),
            seen.weights or (weights and str(weights)),
            seen.weights is not None or "weights" in self.settings,
        )
