"""What a process of `mnist-mlp reproduce` does: train networks of a row, and note their curves."""

import os
import time
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import torch

from mnist_mlp.fit.command import build
from mnist_mlp.reproduction.epoch_curves import Curves
from mnist_mlp.reproduction.published import ROWS
from mnist_mlp.reproduction.results import Run, digest
from mnist_mlp.reproduction.trained_at_once import build_seeds, obstacle_to_a_stack, train_together

WORK_DIR = Path("logs") / "reproduction"
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


def jobs_of(name: str, config: Path, seeds: Sequence[int], device: str, deadline: float | None) -> list[Job]:
    """The trainings of a row: all seeds at once where networks are small, else one by one.

    Args:
        name: That of the row.
        config: Its configuration file.
        seeds: Those of the networks.
        device: cpu or cuda.
        deadline: As in `Job`.
    """

    def job(*seeds: int) -> Job:
        return Job(name, seeds, config, digest(config), ROWS[name].splits, device, WORK_DIR, deadline)

    (cli,), _ = build_seeds(["--config", str(config), "--trainer.accelerator=cpu", *QUIET], [0])
    together = obstacle_to_a_stack(cli) is None
    return [job(*seeds)] if together else [job(seed) for seed in seeds]
