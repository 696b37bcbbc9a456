"""`mnist-mlp sweep`: look for the settings of `mnist-mlp fit` that give the best accuracy on the validation images."""

import argparse
import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from mnist_mlp.console.command_parser import CommandParser
from mnist_mlp.console.figures import check_drawing
from mnist_mlp.console.files import check_file
from mnist_mlp.shipped.files import config_file

TRIALS = 40


def run(args: list[str]) -> int:
    """Run `mnist-mlp sweep`.

    Returns:
        The exit status: 0 if there are as many trials as were asked for, 1 if the time was over before.

    Raises:
        ValueError: if the configuration, an option or the study's file makes no sense.
    """
    options = _checked(_parser().parse_args(args))
    # Imported here, because what is imported there needs Optuna.
    return import_module("mnist_mlp.sweep.sweep").sweep(options)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        "mnist-mlp sweep",
        description="Look for good settings: train networks with values that Optuna draws from the ranges in the "
        "section search: of a configuration, and choose by the validation images alone. A sweep that was stopped goes "
        "on with the same command.",
    )
    parser.add_argument(
        "config",
        metavar="CONFIG",
        help="a configuration of fit with a section search:, or the name of one that mnist-mlp configs lists",
    )
    parser.add_argument(
        "--trials",
        type=int,
        default=TRIALS,
        metavar="N",
        help="how many trainings there are to be, those of before included (default: %(default)s)",
    )
    parser.add_argument(
        "--budget",
        type=float,
        metavar="MINUTES",
        help="start nothing after this time, and stop after the present epoch; what is stopped starts again next time",
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="how many networks are trained at a time (default: %(default)s)",
    )
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="a scheduler of Dask, tcp://10.0.0.1:8786 say, whose workers train instead of this machine's cores",
    )
    parser.add_argument(
        "--study",
        type=Path,
        metavar="PATH",
        help="the file that keeps the trials, which several machines may share (default: logs/<name>/study.journal)",
    )
    return parser


def _checked(options: argparse.Namespace) -> argparse.Namespace:
    if options.trials < 1:
        raise ValueError(f"trials must be at least 1; got {options.trials}")
    if options.workers < 1:
        raise ValueError(f"workers must be at least 1; got {options.workers}")
    if options.budget is not None and not options.budget > 0:
        raise ValueError(f"budget must be more than 0 minutes; got {options.budget}")
    if not find_spec("optuna"):
        raise ValueError("a sweep needs Optuna, which is not installed: pip install 'mnist-mlp[sweep]'")
    check_drawing()
    options.config = config_file(options.config)
    if options.study:
        check_file("study", options.study)
    return options
