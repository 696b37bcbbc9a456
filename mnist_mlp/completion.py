"""`mnist-mlp completion`: a script that lets bash or zsh complete commands, settings and names.

All is written into the script, since a program that imports torch takes too long to be asked at each press of a key.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from importlib import import_module
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

from mnist_mlp.cli import COMMANDS
from mnist_mlp.console.command_parser import CommandParser
from mnist_mlp.lessons.command import find_lessons
from mnist_mlp.lightning_internals.parser_help import actions_of, joined
from mnist_mlp.lightning_internals.parser_messages import CLASSES, class_names
from mnist_mlp.reproduction.published import ROWS
from mnist_mlp.shipped.files import configurations, shipped_folder

SHELLS = ("bash", "zsh")
FILES = ("ckpt_path", "weights", "data.dataset", "data.data_dir", "trainer.default_root_dir")
FILE = {"bash": "_shtab_compgen_files", "zsh": "_files"}  # shtab's names
NAMES_OR_FILES = {  # what completes a configuration
    "bash": "_mnist_mlp_configs() {{ compgen -W '{names}' -- $1; compgen -f -- $1; }}\n",
    "zsh": "_mnist_mlp_configs() {{ _alternative 'names:configuration:({names})' 'files:file:_files' }}\n",
}


def run(args: list[str]) -> None:
    """Run `mnist-mlp completion`.

    Raises:
        ValueError: if shtab is not installed.
    """
    parser = CommandParser(
        "mnist-mlp completion",
        description="Print a script that lets a shell complete commands, settings and names.",
        epilog="bash reads it from ~/.local/share/bash-completion/completions/mnist-mlp, zsh from a file _mnist-mlp in "
        "a folder of $fpath. It knows the settings of the day: write it anew when there are others.",
    )
    parser.add_argument("shell", choices=SHELLS)
    shell = parser.parse_args(args).shell
    if not find_spec("shtab"):
        raise ValueError("completion needs shtab, which is not installed: pip install 'mnist-mlp[completion]'")
    print(script(shell))


def script(shell: str) -> str:
    """The script for bash or zsh."""
    import shtab

    parser = argparse.ArgumentParser("mnist-mlp")
    parser.add_argument("--version", action="store_true", help="versions, of torch and Lightning, too")
    commands = parser.add_subparsers()
    for name, (home, summary) in COMMANDS.items():
        commands.add_parser(name, help=summary, parents=[_with_names(name, joined(parsers_of(home)))], add_help=False)
    preamble = NAMES_OR_FILES[shell].format(names=" ".join(configurations()))
    return shtab.complete(parser, shell=shell, preamble=preamble)


def parsers_of(home: str) -> list[argparse.ArgumentParser]:
    """The parsers of a command, which are those whose help it shows.

    Args:
        home: The command's function, as in the table of commands.
    """
    module, function = home.split(":")
    with _asked_for_help() as parsers, suppress(SystemExit), redirect_stdout(StringIO()):
        getattr(import_module(f"mnist_mlp.{module}"), function)(["--help"])
    return parsers


@contextmanager
def _asked_for_help() -> Iterator[list[argparse.ArgumentParser]]:
    """Collect the parsers that are asked for their help, in the place of what they would say."""
    parsers: list[argparse.ArgumentParser] = []
    format_help = argparse.ArgumentParser.format_help

    def collect(self: argparse.ArgumentParser, formatter: object = None) -> str:
        parsers.append(self)
        return ""

    argparse.ArgumentParser.format_help = collect
    try:
        yield parsers
    finally:
        argparse.ArgumentParser.format_help = format_help


def _with_names(command: str, parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """A parser whose settings are completed by the names, or the files, that they are for."""
    names = {
        ("reproduce", "rows"): ROWS,
        ("configs", "name"): configurations(),
        ("lessons", "names"): find_lessons(shipped_folder("scripts/lessons")),
    }
    for action in actions_of(parser):
        if choices := names.get((command, action.dest)):
            action.choices = [*choices]
        elif action.dest in CLASSES:
            action.choices = class_names(*CLASSES[action.dest])
        elif str(action.metavar).startswith("{"):  # jsonargparse's way to show choices
            action.choices = str(action.metavar).strip("{}").split(",")
        elif action.dest == "config":
            vars(action)["complete"] = dict.fromkeys(SHELLS, "_mnist_mlp_configs")
        elif action.dest in FILES or action.type is Path:
            vars(action)["complete"] = FILE
    return parser
