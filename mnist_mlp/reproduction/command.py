"""`mnist-mlp reproduce`: train published recipes with several seeds each, and compare what they reach."""

import argparse
import multiprocessing
import os
import shutil
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console

from mnist_mlp.console.figures import check_drawing
from mnist_mlp.console.files import check_file, check_picture
from mnist_mlp.fit.command import build
from mnist_mlp.reproduction.charts import draw_comparison, draw_curves
from mnist_mlp.reproduction.epoch_curves import Curves
from mnist_mlp.reproduction.published import ROWS
from mnist_mlp.reproduction.results import Results, Run, digest, line, markdown_of, table_of
from mnist_mlp.reproduction.trained_at_once import build_seeds, obstacle_to_a_stack, train_together

WORK_DIR = Path("logs") / "reproduction"
TABLE_WIDTH = 150
DIVERGED = "a parameter became NaN or infinite: usually the learning rate is too large"
QUIET = ["--trainer.logger=false", "--trainer.enable_progress_bar=false"]


@dataclass(frozen=True)
class Job:
    """A training in a process of its own.

    Attributes:
        row: The name of the row.
        seeds: Those of the networks, which are trained at once.
        config: The configuration file.
        settings: The digest of its settings when the job was made.
        splits: The images that are measured after each epoch.
        device: cpu or cuda.
        work_dir: Where a training that is stopped leaves its checkpoints.
        deadline: When to stop after the present epoch, as of `time.time()`, or None. Networks that are trained at once
            are not stopped, but not started either.
    """

    row: str
    seeds: tuple[int, ...]
    config: Path
    settings: str
    splits: tuple[str, ...]
    device: str
    work_dir: Path
    deadline: float | None

    @property
    def folder(self) -> Path:
        """Where the checkpoints of its first seed lie."""
        return self.work_dir / f"{self.row}-{self.seeds[0]}-{self.settings}"

    def run(self) -> tuple[dict[int, Run], str]:
        """Train, on one thread.

        Returns:
            The runs that are complete, by their seeds, and why others failed, if they did.

        Raises:
            ValueError: if the configuration has changed since the job was made.
            FloatingPointError: if a network that is trained alone diverges.
        """
        if digest(self.config) != self.settings:
            raise ValueError(f"{self.config} was changed meanwhile; the same command trains it as it is now")
        torch.set_num_threads(1)
        warnings.filterwarnings("ignore")
        args = ["--config", str(self.config), f"--trainer.accelerator={self.device}", "--trainer.devices=1", *QUIET]
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            if len(self.seeds) > 1:
                return self._train_together(args)
            return self._train_alone(args, *self.seeds), ""

    def _train_together(self, args: list[str]) -> tuple[dict[int, Run], str]:
        clis, generators = build_seeds(args, self.seeds)
        curves = [Curves(self.splits) for _ in clis]
        started = time.perf_counter()
        train_together(clis, generators, curves)
        seconds = (time.perf_counter() - started) / len(clis)
        trained = zip(self.seeds, curves, strict=True)
        runs = {seed: Run(noted.series, seconds) for seed, noted in trained if noted.complete}
        return runs, DIVERGED if len(runs) < len(self.seeds) else ""

    def _train_alone(self, args: list[str], seed: int) -> dict[int, Run]:
        args = ["fit", *args, f"--seed_everything={seed}", f"--trainer.default_root_dir={self.folder}"]
        if stopped := list(self.folder.glob(f"{self.row}/version_*/checkpoints/last.ckpt")):
            args += ["--ckpt_path", str(max(stopped, key=lambda path: path.stat().st_mtime))]
        cli = build(args)
        curves = Curves(self.splits, self.deadline)
        cli.trainer.callbacks.insert(0, curves)  # pyright: ignore[reportAttributeAccessIssue]
        cli.execute()
        return {seed: Run(curves.series, curves.seconds)} if curves.complete else {}


def jobs(name: str, seeds: Sequence[int], results: Results, device: str, deadline: float | None) -> list[Job]:
    """The trainings of a row: all seeds at once where networks are small, else one by one."""
    config = results.config(name)

    def job(*seeds: int) -> Job:
        return Job(name, seeds, config, digest(config), ROWS[name].splits, device, WORK_DIR, deadline)

    (cli,), _ = build_seeds(["--config", str(config), "--trainer.accelerator=cpu", *QUIET], [0])
    together = obstacle_to_a_stack(cli) is None
    return [job(*seeds)] if together else [job(seed) for seed in seeds]


def finish(all_jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, dict[int, Run], str]]:
    """Run jobs, so many at a time, and yield what each gives when it ends, and why it failed, if it did."""
    pool = ThreadPoolExecutor(workers)
    running = {pool.submit(in_a_process, job): job for job in all_jobs}
    try:
        for future in as_completed(running):
            error = future.exception()
            yield running[future], *(({}, f"{type(error).__name__}: {error}") if error else future.result())
    finally:
        pool.shutdown(cancel_futures=True)


def in_a_process(job: Job) -> tuple[dict[int, Run], str]:
    """Run a job in a process of its own, so that one that is killed leaves the others alone; nothing if it is late."""
    if job.deadline is not None and time.time() > job.deadline:
        return {}, ""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(job.run).result()


def train(waiting: Sequence[Job], workers: int, results: Results, console: Console) -> set[str]:
    """Run jobs, so many at a time, keep what they give, and say so; the rows of those that failed."""
    failed = set()
    with console.status(f"{len(waiting)} trainings, {workers} at a time"):
        for job, trained, error in finish(waiting, workers):
            for seed, each in trained.items():
                results.add(job.row, job.settings, seed, each)
                accuracy = each.accuracy(ROWS[job.row].figures[0])
                console.print(f"{job.row}, seed {seed}: {accuracy:.2f} %, {each.seconds:.0f} s", highlight=False)
            if trained:
                shutil.rmtree(job.folder, ignore_errors=True)
            if error:
                failed.add(job.row)
                lost = ", ".join(str(seed) for seed in job.seeds if seed not in trained)
                console.print(f"{job.row}, seeds {lost}: {error}", highlight=False)
    return failed


def run(args: list[str]) -> int:
    """Run `mnist-mlp reproduce`.

    Returns:
        The exit status: 0 if all rows reach what was published, 1 if one does not, or is not finished.

    Raises:
        ValueError: if a row is unknown, or settings make no sense.
    """
    options = _checked(_parser().parse_args(args))
    results = Results(options.json, options.configs)
    deadline = None if options.budget is None else time.time() + 60 * options.budget
    console = Console()
    console.width = max(console.width, TABLE_WIDTH)
    waiting = []
    wanted = {name: options.seeds or ROWS[name].seeds for name in options.rows}
    for name, n in wanted.items():
        trained = results.runs(name)
        seeds = [seed for seed in range(n) if seed not in trained]
        waiting += jobs(name, seeds, results, options.device, deadline) if seeds else []
    workers = min(len(waiting), os.cpu_count() or 1) if options.device == "cpu" else 1
    failed = train(waiting, workers, results, console) if waiting else set()
    runs = {name: [run for seed, run in results.runs(name).items() if seed < n] for name, n in wanted.items()}
    lines = [
        line(name, ROWS[name], figure, runs[name])
        for name in options.rows
        for figure in ROWS[name].figures
        if len(runs[name]) >= figure.best_of
    ]
    console.print(table_of(lines))
    if options.markdown:
        options.markdown.write_text(markdown_of(lines))
    if options.chart:
        draw_comparison(runs, options.chart)
    if options.curves:
        for path in draw_curves(runs, options.curves):
            console.print(path)
    unfinished = [name for name, n in wanted.items() if len(runs[name]) < n and name not in failed]
    if unfinished:
        console.print(f"not finished: {', '.join(unfinished)}; the same command goes on", highlight=False)
    missed = any("missed" in line.verdict or "learns" in line.verdict for line in lines)
    return 1 if failed or unfinished or missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "mnist-mlp reproduce",
        description="Train published recipes, several seeds each, and set what they reach beside what was published. "
        "Finished trainings are kept; interrupted ones are resumed.",
        epilog=f"rows: {', '.join(ROWS)}",
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
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument(
        "--configs", type=Path, default=Path("configs/published"), metavar="FOLDER", help="(default: %(default)s)"
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


def _checked(options: argparse.Namespace) -> argparse.Namespace:
    """The options with their defaults filled in, before anything is trained."""
    if options.all == bool(options.rows):
        raise ValueError(f"name rows, or give --all; got {'both' if options.rows else 'neither'}")
    if unknown := [name for name in options.rows if name not in ROWS]:
        from difflib import get_close_matches

        nearest = get_close_matches(unknown[0], ROWS, n=1)
        hint = f"did you mean {nearest[0]}?" if nearest else "mnist-mlp reproduce --help lists all"
        raise ValueError(f"there is no row {unknown[0]}; {hint}")
    if options.seeds is not None and options.seeds < 1:
        raise ValueError(f"seeds must be at least 1; got {options.seeds}")
    if options.budget is not None and not options.budget >= 0:
        raise ValueError(f"budget must be 0 minutes or more; got {options.budget}")
    if options.device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device cuda needs a CUDA device, and this machine has none; use --device cpu")
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
    rows = options.rows or [name for name in ROWS if (options.configs / f"{name}.yaml").exists()]
    options.rows = list(dict.fromkeys(rows))
    best_of = max((figure.best_of for name in options.rows for figure in ROWS[name].figures), default=1)
    if options.seeds is not None and options.seeds < best_of:
        raise ValueError(f"seeds must be at least {best_of}, of which a row takes the best; got {options.seeds}")
    if missing := [name for name in options.rows if not (options.configs / f"{name}.yaml").exists()]:
        raise ValueError(f"{options.configs} holds no {missing[0]}.yaml; name another folder with --configs")
    return options
