"""`mnist-mlp reproduce`: train published recipes with several seeds each, and compare what they reach."""

import argparse
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from textwrap import fill, shorten

from rich.console import Console

from mnist_mlp.console.command_parser import CommandParser
from mnist_mlp.console.devices import check_cuda
from mnist_mlp.console.figures import check_drawing
from mnist_mlp.console.files import check_file, check_picture
from mnist_mlp.console.plain_errors import nearest
from mnist_mlp.console.tables import wide_console
from mnist_mlp.executors.choice import executor_for
from mnist_mlp.reproduction.charts import draw_comparison, draw_curves
from mnist_mlp.reproduction.comparison import Comparison, compare, markdown_of, table_of
from mnist_mlp.reproduction.plan import PUBLISHED, Part, duration, plan, seconds_of_rows, sentence_of
from mnist_mlp.reproduction.plan import table_of as table_of_plan
from mnist_mlp.reproduction.published import ROWS
from mnist_mlp.reproduction.results import Results, Run

TABLE_WIDTH = 150
FEW = 5  # rows that are named in a sentence


def run(args: list[str]) -> int:
    """Run `mnist-mlp reproduce`.

    Returns:
        The exit status: 0 if all rows reach what was published, 1 if one does not, or is not finished.

    Raises:
        ValueError: if a row is unknown, or settings make no sense.
    """
    started = time.time()
    options = _checked(_parser().parse_args(args))
    console = wide_console(TABLE_WIDTH)
    results = Results(options.json, options.configs)
    wanted = {name: options.seeds or ROWS[name].seeds for name in options.rows}
    parts = plan(wanted, results)
    if parts:
        _announce(parts, options, console)
    deadline = None if options.budget is None else started + 60 * options.budget
    failed = _train(parts, results, options, deadline, console) if parts and options.budget != 0 else set()
    results = Results(options.json, options.configs)  # others may have added theirs meanwhile
    runs = {name: [run for seed, run in results.runs(name).items() if seed < n] for name, n in wanted.items()}
    comparisons = _show(runs, options, console)
    unfinished = [name for name, n in wanted.items() if len(runs[name]) < n and name not in failed]
    if unfinished:
        which = ", ".join(unfinished) if len(unfinished) <= FEW else f"{len(unfinished)} rows"
        console.print(f"not finished: {which}; the same command goes on", highlight=False)
    return 0 if all(each.is_reproduced for each in comparisons) and not failed and not unfinished else 1


def _announce(parts: Sequence[Part], options: argparse.Namespace, console: Console) -> None:
    """Say what is still to be trained, row by row, and what it takes."""
    console.print(table_of_plan(parts), highlight=False)
    ends = {None: "", 0: "; a budget of 0 trains none"}
    end = ends.get(options.budget, f"; nothing is started after {options.budget} min")
    console.print(sentence_of(parts, _workers(parts, options)) + end, highlight=False, soft_wrap=True)


def _workers(parts: Sequence[Part], options: argparse.Namespace) -> int:
    """How many networks this machine trains at a time."""
    return min(sum(len(part.seeds) for part in parts), os.cpu_count() or 1) if options.device == "cpu" else 1


def _train(
    parts: Sequence[Part], results: Results, options: argparse.Namespace, deadline: float | None, console: Console
) -> set[str]:
    """Let an executor do the trainings; the rows of those that failed."""
    # Imported here, because torch and Lightning take seconds, and a plan needs neither.
    from mnist_mlp.data.module import prepare_data
    from mnist_mlp.reproduction.job import Job, jobs_of
    from mnist_mlp.reproduction.trainings import train

    def jobs() -> Iterator[Job]:
        """One after the other, so that the first is trained while the others are prepared."""
        for part in parts:
            if deadline is not None and time.time() > deadline:
                return
            yield from jobs_of(part.row, results.config(part.row), part.seeds, options.device, deadline)

    waiting = [*jobs()] if options.cluster else jobs()
    check = partial(prepare_data, {job.data for job in waiting}) if options.cluster else None
    with executor_for(_workers(parts, options), options.cluster, check) as executor:
        return train(waiting, executor, results, console)


def _show(runs: Mapping[str, Sequence[Run]], options: argparse.Namespace, console: Console) -> list[Comparison]:
    """Print the table of all rows that have enough runs, and write and draw what was asked for."""
    comparisons = [
        compare(name, ROWS[name], figure, runs[name])
        for name in runs
        for figure in ROWS[name].figures
        if len(runs[name]) >= figure.best_of
    ]
    if comparisons:
        console.print(table_of(comparisons))
    if options.markdown:
        options.markdown.write_text(markdown_of(comparisons))
    if options.chart:
        draw_comparison(runs, options.chart)
    if options.curves:
        for path in draw_curves(runs, options.curves):
            console.print(path)
    return comparisons


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        "mnist-mlp reproduce",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=fill(
            "Train published recipes, several seeds each, and set what they reach beside what was published. Finished "
            "trainings are kept; interrupted ones are resumed.",
            width=79,
        ),
        epilog=_list_of_rows(),
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help="a published recipe; its configuration is ROW.yaml")
    parser.add_argument("--all", action="store_true", help="all of them that have a configuration")
    parser.add_argument("--seeds", type=int, metavar="N", help="train with the seeds 0 ... N - 1 (default: the row's)")
    parser.add_argument(
        "--budget",
        type=float,
        metavar="MINUTES",
        help="start nothing after this time, and stop what is trained alone after its epoch; 0 trains nothing",
    )
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="a scheduler of Dask, tcp://10.0.0.1:8786 say, whose workers train instead of this machine's cores",
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="where to train (default: cpu)")
    parser.add_argument(
        "--configs",
        type=Path,
        default=PUBLISHED,
        metavar="FOLDER",
        help="where the configurations are (default: those that come with mnist-mlp)",
    )
    parser.add_argument(
        "--json",
        type=Path,
        default=Path("logs/reproduction.json"),
        metavar="PATH",
        help="the file that keeps all runs (default: %(default)s)",
    )
    parser.add_argument("--markdown", type=Path, metavar="PATH", help="write the table to this file")
    parser.add_argument("--chart", type=Path, metavar="PATH", help="draw published and measured errors as PNG")
    parser.add_argument("--curves", type=Path, metavar="FOLDER", help="draw the curves of Nielsen's book as PNG")
    return parser


def _list_of_rows() -> str:
    """A line for each row: how many networks, what one of them takes, and where it was published."""
    seconds, longest = seconds_of_rows(PUBLISHED), max(map(len, ROWS))
    lines = [
        f"  {name:{longest}}  {row.seeds:2} x {duration(seconds.get(name)):8}  "
        + shorten(row.source, 78 - longest - 17, placeholder=" ...")
        for name, row in ROWS.items()
    ]
    return "\n".join(["rows; their networks, and the time of one on one core; the source:", *lines])


def _checked(options: argparse.Namespace) -> argparse.Namespace:
    """The options with their defaults filled in, before anything is trained."""
    if options.all == bool(options.rows):
        raise ValueError(f"name rows, or give --all; got {'both' if options.rows else 'neither'}")
    if unknown := [name for name in options.rows if name not in ROWS]:
        meant = nearest(unknown[0], ROWS)
        hint = f"did you mean {meant}?" if meant else "mnist-mlp reproduce --help lists all"
        raise ValueError(f"there is no row {unknown[0]}; {hint}")
    if options.seeds is not None and options.seeds < 1:
        raise ValueError(f"seeds must be at least 1; got {options.seeds}")
    if options.budget is not None and not options.budget >= 0:
        raise ValueError(f"budget must be 0 minutes or more; got {options.budget}")
    if not options.cluster:
        check_cuda("device", options.device)
    _check_files(options)
    rows = options.rows or [name for name in ROWS if (options.configs / f"{name}.yaml").exists()]
    options.rows = list(dict.fromkeys(rows))
    best_of = max((figure.best_of for name in options.rows for figure in ROWS[name].figures), default=1)
    if options.seeds is not None and options.seeds < best_of:
        raise ValueError(f"seeds must be at least {best_of}, of which a row takes the best; got {options.seeds}")
    if missing := [name for name in options.rows if not (options.configs / f"{name}.yaml").exists()]:
        raise ValueError(f"{options.configs} holds no {missing[0]}.yaml; name another folder with --configs")
    return options


def _check_files(options: argparse.Namespace) -> None:
    options.json.parent.mkdir(parents=True, exist_ok=True)
    check_file("json", options.json)
    if options.markdown:
        check_file("markdown", options.markdown)
    if options.chart:
        check_picture("chart", options.chart)
    if options.curves:
        check_drawing()
        if not options.curves.is_dir():
            raise ValueError(f"there is no folder {options.curves}; make it, or name another with --curves")
    if not options.configs.is_dir():
        raise ValueError(f"there is no folder {options.configs}; name that of the configurations with --configs")
