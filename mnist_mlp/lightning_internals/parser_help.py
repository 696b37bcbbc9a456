"""The help of a parser of jsonargparse: our settings first, each with an example, and the Trainer's when asked for.

Relies on jsonargparse leaving an `argparse._HelpAction` out of the settings, and on the methods that argparse's
`format_help` calls of its formatter.
"""

from __future__ import annotations

import argparse
from argparse import _HelpAction  # pyright: ignore[reportPrivateUsage]
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jsonargparse import DefaultHelpFormatter
from typing_extensions import override

from mnist_mlp.lightning_internals.parser_messages import CLASSES, class_names

WIDTH = 79  # of a terminal that has 80 columns


@dataclass(frozen=True)
class Section:
    """Settings that stand below one heading.

    Attributes:
        heading: What they are about.
        prefix: What their names begin with.
        only: Those that the short help shows, in this order, or None for all.
    """

    heading: str
    prefix: str
    only: Sequence[str] | None = None


@dataclass(frozen=True)
class Words:
    """What the help says otherwise than the docstrings do.

    Attributes:
        sections: In the order in which they are shown; a setting stands in the one with the longest prefix that fits.
        examples: A value for each setting, as it is typed; without one it is the default.
        texts: What is said of a setting in the place of its docstring.
        end: What is said below all.
    """

    sections: Sequence[Section]
    examples: Mapping[str, str]
    texts: Mapping[str, str] = field(default_factory=dict)
    end: str = ""


class HelpOnSettings(_HelpAction):
    """`--help` shows what `Words` says, and `--help all` everything."""

    def __init__(self, option_strings: Sequence[str], words: Words, **kwargs: Any) -> None:
        super().__init__(option_strings, help="Show this; with `all` also what Lightning has besides")
        self.nargs, self.choices, self.metavar = "?", ["all"], "all"
        self._words = words

    @override
    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, *_: Any, **__: Any) -> None:
        words, everything = self._words, values == "all"

        class Formatter(_SettingsFormatter):
            def __init__(self, prog: str, **kwargs: Any) -> None:
                super().__init__(prog, words, everything)

        parser.formatter_class = Formatter
        parser.print_help()
        parser.exit()


class _SettingsFormatter(DefaultHelpFormatter):
    """Takes what argparse tells it of groups and settings, and writes it in another order."""

    def __init__(self, prog: str, words: Words, everything: bool) -> None:
        super().__init__(prog, max_help_position=6, width=WIDTH)
        self._action_max_length = WIDTH  # so that each help stands below its setting
        self._words, self._everything = words, everything
        self._actions: list[argparse.Action] = []
        self._description = ""

    @override
    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        self._usage = f"usage: {self._prog} [--config NAME or FILE] [--SETTING VALUE ...]\n"

    @override
    def add_text(self, text: str | None) -> None:
        self._description = self._description or text or ""

    @override
    def start_section(self, heading: str | None) -> None: ...

    @override
    def end_section(self) -> None: ...

    @override
    def add_arguments(self, actions: Iterable[argparse.Action]) -> None:
        self._actions += [each for each in actions if _name(each) and each.help is not argparse.SUPPRESS]

    @override
    def format_help(self) -> str:
        parts = [self._usage, self._fill_text(self._description, self._width, "") + "\n"]
        self._indent()
        for section in self._words.sections:
            if shown := self._settings_of(section):
                parts.append(f"{section.heading}:\n" + "".join(map(self._format_action, shown)))
        return "\n".join([*parts, self._fill_text(self._words.end, self._width, "") + "\n"])

    def _settings_of(self, section: Section) -> list[argparse.Action]:
        """Those that are shown, in the order of `only`."""
        prefixes = [each.prefix for each in self._words.sections]
        own = {
            name: action
            for action in self._actions
            if (name := _name(action)) and max(filter(name.startswith, prefixes), key=len) == section.prefix
        }
        if self._everything:
            return [*own.values()]
        files = [prefix.removesuffix(".") for prefix in prefixes]  # a section may be a file
        return [own[name] for name in section.only or own if name in own and name not in files]

    @override
    def _format_action_invocation(self, action: argparse.Action) -> str:
        example = self._words.examples.get(_name(action), "")
        if not example and action.nargs != 0:
            example = {True: "false", False: "true"}.get(action.default, str(action.metavar or action.default))
        return f"{action.option_strings[-1 if _name(action) in ('config', 'help') else 0]} {example}".rstrip()

    @override
    def _get_help_string(self, action: argparse.Action) -> str:
        name = _name(action)
        text = self._words.texts.get(name, action.help or "")
        if name in CLASSES and not name.startswith("trainer."):
            text += f" One of {', '.join(class_names(*CLASSES[name]))}."
        if action.required:
            return f"{text} (needed)"
        if action.default in (None, argparse.SUPPRESS) or action.nargs == 0 or name in self._words.texts:
            return text
        default = str(action.default).lower() if isinstance(action.default, bool) else "%(default)s"
        return f"{text} (default: {default})"


def _name(action: argparse.Action) -> str:
    """The name of a setting, as it is typed; nothing where it cannot be."""
    return next((each.removeprefix("--") for each in action.option_strings if each.startswith("--")), "")


def actions_of(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """The settings that a parser has, with all that is known of each."""
    return [*parser._actions]


def joined(parsers: Iterable[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """A parser with the settings of several; of two with one name it has the last."""
    whole = argparse.ArgumentParser(add_help=False, conflict_handler="resolve")
    for parser in parsers:
        for action in parser._actions:
            if all(each.startswith("-") for each in action.option_strings):  # what is linked has a sentence there
                whole._add_action(action)
    return whole
