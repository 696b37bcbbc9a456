"""One's own subclass in place of the network or the data: `--model.class_path` and `--data.class_path`.

Its settings stand beside those of the class it is made from, `--model.dropout` and `--model.mine` alike: so that all
that reads settings finds them where it does otherwise. What Lightning writes, `init_args`, means the same.
"""

import inspect
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import yaml

from mnist_mlp.data.module import MNISTDataModule
from mnist_mlp.fit.settings import Given, laid_over, read_settings
from mnist_mlp.training.classifier import MLPClassifier

BASES: dict[str, type] = {"model": MLPClassifier, "data": MNISTDataModule}
CLASS = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")
TYPED = re.compile(r"--(model|data)(\.class_path)?")
CONFIG = ("--config", "-c")


def without_classes(given: Given) -> tuple[Given, dict[str, str]]:
    """The same settings without the classes that they name, and these, by section; what is typed counts most.

    A file that names a class becomes settings, which lie below those given in Python.
    """
    classes: dict[str, str] = {}
    typed, files = [*given.typed], []
    for i, word in reversed([*enumerate(typed)]):
        name, equals, value = word.partition("=")
        value = value if equals else next(iter(typed[i + 1 : i + 2]), "")
        if name in CONFIG and os.path.isfile(value) and _names_a_class(read_settings(Path(value))):
            files.insert(0, Path(value))
            del typed[i : i + (1 if equals else 2)]
    file = given.file
    if file and _names_a_class(read_settings(file)):
        files, file = [file, *files], None
    below = [{"name": each.stem} | without_class_paths(read_settings(each), classes) for each in files]
    settings = reduce(laid_over, [*below, without_class_paths(given.settings, classes)], {})
    return replace(given, file=file, settings=settings, typed=[*_without_classes(typed, classes)]), classes


def without_class_paths(settings: Mapping[str, Any], classes: dict[str, str]) -> dict[str, Any]:
    """Settings by section, in which those of a class stand beside the others; the classes are added to `classes`.

    Raises:
        ValueError: if init_args are no settings.
    """
    found = dict(settings)
    for section in BASES:
        values = settings.get(section)
        if isinstance(values, str) and CLASS.fullmatch(values) and not os.path.exists(values):
            values = {"class_path": values}
        if isinstance(values, Mapping):
            rest = {name: value for name, value in values.items() if name not in ("class_path", "init_args")}
            arguments = values.get("init_args") or {}
            if not isinstance(arguments, Mapping):
                raise ValueError(f"{section}.init_args must hold settings; got {arguments!r:.80}")
            found[section] = {**rest, **arguments}
            if values.get("class_path") is not None:
                classes[section] = str(values["class_path"])
    return found


def _names_a_class(settings: Mapping[str, Any]) -> bool:
    classes: dict[str, str] = {}
    return without_class_paths(settings, classes) != settings or bool(classes)


def _without_classes(typed: Sequence[str], classes: dict[str, str]) -> Iterator[str]:
    """What is typed without the classes, which are added to `classes`."""
    words = iter(typed)
    for word in words:
        name, equals, value = word.partition("=")
        is_class = TYPED.fullmatch(name)
        if not is_class:
            yield re.sub(r"^--(model|data)\.init_args\.", r"--\1.", word)
            continue
        value = value if equals else next(words, "")
        if is_class[2] or (CLASS.fullmatch(value) and not os.path.exists(value)):
            classes[is_class[1]] = value
        else:
            yield from (word,) if equals else (word, value)


def class_of(section: str, path: str | None) -> type:
    """The class of a section: what its path leads to, also in the present folder, or ours where there is none.

    Raises:
        ValueError: if there is no such class, or it is none of the kind, or one that lacks settings.
    """
    base = BASES[section]
    if path is None:
        return base
    if os.getcwd() not in sys.path:  # where a console script does not look
        sys.path.append(os.getcwd())
    try:
        found = resolve_name(path)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"{section}.class_path must be the path of a class, such as mine.Net; got {path}: {error}"
        ) from error
    if not (inspect.isclass(found) and issubclass(found, base)):
        raise ValueError(f"{section}.class_path must be that of a subclass of {base.__name__}; got {path}")
    parameters, needed = (inspect.signature(each).parameters for each in (found, base))
    takes_all = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())
    if not takes_all and (missing := [name for name in needed if name not in parameters]):
        raise ValueError(
            f"{section}.class_path must be that of a class that takes all settings of {base.__name__}; {path} lacks "
            f"{', '.join(missing[:3])}: give it **kwargs, and hand them on"
        )
    return found


def with_classes(text: str, classes: Mapping[str, str]) -> str:
    """The text of a configuration, in which the classes stand first in their sections."""
    if not classes:
        return text
    settings = yaml.safe_load(text)
    for section, path in classes.items():
        settings[section] = {"class_path": path, **settings[section]}
    return yaml.safe_dump(settings, sort_keys=False)
