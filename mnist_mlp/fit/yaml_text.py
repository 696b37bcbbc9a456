"""What YAML reads in silence otherwise than its writer meant it."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

SECTIONS = ("model", "data", "trainer", "dashboard")
OCTAL = re.compile(r"[-+]?0[0-9_]+")
BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


def check_meaning(text: str) -> None:
    """Refuse what YAML 1.1 takes for something else: a key that stands twice, 0100 (64), 1:40 (100), an empty section.

    Args:
        text: That of a configuration file.

    Raises:
        ValueError: if there is such a thing; the sentence says where.
        yaml.YAMLError: if the text is not YAML.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if isinstance(root, yaml.MappingNode):
        for key, value in root.value:
            if key.value in SECTIONS and value.tag == "tag:yaml.org,2002:null":
                raise ValueError(f"line {_line(key)}: {key.value} is empty; give its settings, or leave it out")
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:  # an alias may lead back
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            _check_keys(node)
            waiting += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.ScalarNode) and node.tag in NUMBERS:
            _check_number(node)


def check_meaning_of(value: Any, name: str = "") -> None:
    """The same of all YAML that a value holds: in a text, in the file that it names, and in those within it.

    Args:
        value: That of a setting, or settings by their names.
        name: The setting's.
    """
    if isinstance(value, Mapping):
        for key, each in value.items():
            check_meaning_of(each, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        for each in value:
            check_meaning_of(each, name)
    elif isinstance(value, str) and (value.startswith(("{", "[")) or _is_yaml(value)):
        try:
            text = Path(value).read_text(encoding="utf-8") if _is_yaml(value) else value
            inner = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, OSError, RecursionError):
            return  # then it is a text, or no file of settings
        try:
            check_meaning(text)
        except ValueError as error:
            raise ValueError(f"{name} {value:.100}, {error}") from error
        if not isinstance(inner, str):
            check_meaning_of(inner)


def _is_yaml(name: str) -> bool:
    return name.endswith((".yaml", ".yml", ".json")) and os.path.isfile(name)


def _check_keys(node: yaml.MappingNode) -> None:
    lines: dict[str, int] = {}
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            if key.value in lines:
                raise ValueError(
                    f"line {_line(key)}: {key.value} stands in line {lines[key.value]} already; keep one of the two"
                )
            lines[key.value] = _line(key)


def _check_number(node: yaml.ScalarNode) -> None:
    meaning = "an octal number" if OCTAL.fullmatch(node.value) else ""
    meaning = "a number with base 60" if BASE_60.fullmatch(node.value) else meaning
    if meaning:
        raise ValueError(f"line {_line(node)}: YAML takes {node.value} for {meaning}; write it in decimal")


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1
