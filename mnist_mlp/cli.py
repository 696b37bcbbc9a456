"""The command `mnist-mlp`: picks the sub-command, and turns bad input into one sentence."""

import os
import select
import sys
from argparse import RawDescriptionHelpFormatter
from importlib import import_module
from importlib.metadata import version
from itertools import pairwise
from platform import python_version
from typing import Any

from mnist_mlp.console.command_parser import CommandParser
from mnist_mlp.console.plain_errors import is_out_of_memory, plain_sentence

COMMANDS = {  # what runs each command, as package.module:function, and what it is for
    "fit": ("fit.command:fit", "train a network; writes logs/<name>/version_N/"),
    "validate": ("fit.command:validate", "measure a checkpoint on the validation images"),
    "test": ("fit.command:test", "measure a checkpoint on the test images"),
    "predict": ("prediction.command:run", "say what pictures show, or classify the validation images"),
    "export": ("export.command:run", "write a trained network for other programs (ONNX, torch, ...)"),
    "draw": ("drawing.command:run", "write a page to draw on, and see what the network makes of it"),
    "verify": (
        "verification.command:run",
        "compare the hand-written gradients with autograd's",
    ),
    "benchmark": ("benchmark.command:run", "time a training beside what others would write"),
    "reproduce": (
        "reproduction.command:run",
        "train published recipes, and compare with what was published",
    ),
    "sweep": ("sweep.command:run", "look for good settings, and choose by the validation images"),
    "dashboard": ("dashboard.server:run", "start TensorBoard and print its address"),
    "report": ("dashboard.report:run", "write a run into one HTML file"),
    "configs": ("shipped.command:run", "list the configurations that come with it, or copy one"),
    "completion": ("completion:run", "print what lets bash or zsh complete commands and settings"),
    "lessons": ("lessons.command:run", "small programs that show one thing each"),
}

EXAMPLES = """examples:
  train on scikit-learn's digits, without a download:
    mnist-mlp fit --config quickstart
  train a wider network on MNIST:
    mnist-mlp fit --config mnist --model.hidden_sizes "[800]"
  measure the newest run's best checkpoint on the test images:
    mnist-mlp test
  read your own handwriting:
    mnist-mlp predict photo.jpg
"""

READER_IS_GONE = 128 + 13  # what a shell says of a program that SIGPIPE has ended


def main(argv: list[str] | None = None) -> None:
    """Run `mnist-mlp` with the given arguments, by default those of the process.

    Raises:
        SystemExit: with status 1 if the input makes no sense, 2 if the command line is wrong.
    """
    args = (sys.argv[1:] if argv is None else argv) or ["--help"]
    parser = CommandParser(
        "mnist-mlp",
        description="The multilayer perceptron on MNIST.",
        epilog=EXAMPLES,
        formatter_class=_OneLineForEach,
    )
    parser.add_argument("--version", action="version", version=versions(), help="show the versions, torch's, too")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    for name, (_, summary) in COMMANDS.items():
        commands.add_parser(name, help=summary, add_help=False)
    command = parser.parse_args(args[:1]).command

    try:
        _check_values(args)
        # Imported here, because torch and Lightning take seconds and --help needs neither.
        module, function = COMMANDS[command][0].split(":")
        status = getattr(import_module(f"mnist_mlp.{module}"), function)(args[1:])
        sys.stdout.flush()
        if status is not None:
            sys.exit(status)
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _reader_is_gone():
            sys.exit(READER_IS_GONE)
        if os.environ.get("MNIST_MLP_TRACEBACK"):
            raise
        expected = isinstance(error, (ValueError, OSError, FloatingPointError)) or is_out_of_memory(error)
        # Lightning's own kind of a bad setting, which must not be imported for its sake
        expected = expected or type(error).__name__ == "MisconfigurationException"
        unexpected = "" if expected else f" ({type(error).__name__}; MNIST_MLP_TRACEBACK=1 shows where)"
        sys.exit(f"mnist-mlp: error: {plain_sentence(error)}{unexpected}")
    except KeyboardInterrupt:
        sys.exit("mnist-mlp: interrupted")


def _reader_is_gone() -> bool:
    """Whether nobody reads what is printed any more: `mnist-mlp configs | head` has seen enough."""
    poll = select.poll()
    poll.register(sys.stdout, select.POLLOUT)
    is_gone = any(event & select.POLLERR for _, event in poll.poll(0))
    if is_gone:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains at its end
    return is_gone


class _OneLineForEach(RawDescriptionHelpFormatter):
    """Leaves room for the longest command, whose indentation argparse forgets."""

    def __init__(self, prog: str, **kwargs: Any) -> None:
        super().__init__(prog, **kwargs)
        self._action_max_length = 4 + max(map(len, COMMANDS))


def versions() -> str:
    """What is installed, as far as it decides what a training gives; nothing of it is imported."""
    names = {"mnist-mlp": "mnist-mlp", "torch": "torch", "Lightning": "lightning"}
    return ", ".join([*(f"{name} {version(package)}" for name, package in names.items()), f"Python {python_version()}"])


def _check_values(args: list[str]) -> None:
    """Refuse empty values, which a variable of the shell that is not set leaves: a default would take their place.

    Raises:
        ValueError: if there is one.
    """
    for before, arg in pairwise(args):
        if arg == "" or (arg.startswith("--") and arg.endswith("=")):
            name = arg.removesuffix("=") or before
            what = f"{name} has an empty value" if name.startswith("--") else f"{args[0]} has an empty argument"
            raise ValueError(f"{what}; give one, or leave it out")
