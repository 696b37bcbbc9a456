"""Which classes the settings of a run may name: a run may come from anybody, and a class that is made runs its code."""

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

TRUSTED = ("torch", "lightning", "mnist_mlp")
DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")
PATHS = ("data_dir", "default_root_dir", "dirpath", "save_dir", "weights")
PLAIN_TEXT = ("name", "dataset", "filename", "monitor", *PATHS)


def check_classes(settings: Any, run: Path | str, remedy: str = "give --trust if you know who wrote it") -> None:
    """See that a run's settings name only classes of torch, Lightning and this project, before any is imported.

    Args:
        settings: As they were read from config.yaml or a checkpoint, of whatever kind.
        run: The checkpoint, for the message.
        remedy: What to do about it, for the message.

    Raises:
        ValueError: if they name something else, or a file, which may hold more settings.
    """
    for text in _texts(settings):
        named = f"{run} would use {text:.80}"
        if DOTTED.fullmatch(text) and not _is_trusted(text):
            raise ValueError(f"{named}, which is no class of {', '.join(TRUSTED)} and could run any code; {remedy}")
        if _is_file(text):
            raise ValueError(f"{named}, a file that may name any class; {remedy}")


def _texts(settings: Any, key: object = None) -> Iterator[str]:
    """All texts that jsonargparse may take for the path of a class or of a file, also those in YAML within a text."""
    if isinstance(settings, dict):
        for name, value in settings.items():
            yield from _texts(value, name)
    elif isinstance(settings, list | tuple):
        for value in settings:
            yield from _texts(value, key)
    elif isinstance(settings, str) and key not in PLAIN_TEXT:
        inner = _as_yaml(settings)
        if isinstance(inner, dict | list):
            yield from _texts(inner)
        yield settings.strip()


def _as_yaml(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return text


def _is_trusted(path: str) -> bool:
    """Whether a path leads to a class that is defined, and not only imported, in a trusted package."""
    module, _, name = path.rpartition(".")
    if path.split(".")[0] not in TRUSTED or "__main__" in path:  # which runs when it is imported
        return False
    try:
        found = getattr(import_module(module), name, None)
    except ImportError:
        return False
    return inspect.isclass(found) and found.__module__.split(".")[0] in TRUSTED


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False
