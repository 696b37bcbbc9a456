"""What `mnist-mlp reproduce` lets an executor do: train networks of a row, and note their curves."""

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mnist_mlp.console.quiet import quiet
from mnist_mlp.fit import TrainingSession, prepare
from mnist_mlp.fit.at_once import obstacle_to_a_stack, prepare_all, train_at_once
from mnist_mlp.fit.checkpoint_files import is_damaged
from mnist_mlp.fit.settings import laid_over, read_settings
from mnist_mlp.reproduction.epoch_curves import Curves
from mnist_mlp.reproduction.published import ROWS
from mnist_mlp.reproduction.results import Run, digest

WORK_DIR = Path("logs") / "reproduction"
DIVERGED = "a parameter became NaN or infinite: usually the learning rate is too large"
QUIET = {"logger": False, "enable_progress_bar": False}


@dataclass(frozen=True)
class Job:
    """A training, with all it needs, so that it runs on another machine, too.

    Attributes:
        row: The name of the row.
        seeds: Those of the networks, which are trained at once.
        settings: Those of its configuration.
        settings_digest: What they hash to.
        data: What it is trained on, a name or a path, and the folder of what has a name, or None for the machine's own.
        splits: The images that are measured after each epoch.
        device: cpu or cuda.
        base: The folder that the command was started in, below which a training that is stopped leaves its checkpoints;
            a machine that lacks it takes its own.
        deadline: When to stop after the present epoch, as of `time.time()`, or None. Networks that are trained at once
            are not stopped, but not started either.
    """

    row: str
    seeds: tuple[int, ...]
    settings: Mapping[str, Any]
    settings_digest: str
    data: tuple[str, str | None]
    splits: tuple[str, ...]
    device: str
    base: Path
    deadline: float | None

    @property
    def folder(self) -> Path:
        """Where the checkpoints of its first seed lie."""
        base = self.base if self.base.is_dir() else Path.cwd()
        return base / WORK_DIR / f"{self.row}-{self.seeds[0]}-{self.settings_digest}"

    @property
    def is_late(self) -> bool:
        """Whether it is not to be started any more."""
        return self.deadline is not None and time.time() > self.deadline

    def run(self) -> tuple[dict[int, Run], str]:
        """Train, on one thread.

        Returns:
            The runs that are complete, by their seeds, and why others failed, if they did.

        Raises:
            FloatingPointError: if a network that is trained alone diverges.
        """
        if self.is_late:
            return {}, ""
        torch.set_num_threads(1)
        with quiet():
            return self._train_together() if len(self.seeds) > 1 else (self._train_alone(*self.seeds), "")

    @property
    def _trainer(self) -> dict[str, Any]:
        return {"accelerator": self.device, "devices": 1, **QUIET}

    def _train_together(self) -> tuple[dict[int, Run], str]:
        own = [{"seed_everything": seed, "trainer": self._trainer} for seed in self.seeds]
        sessions, generators = prepare_all(laid_over(self.settings, each) for each in own)
        if "test" in self.splits:
            sessions[0].datamodule.prepare_data()
            sessions[0].datamodule.setup("test")
        curves = [Curves(self.splits) for _ in sessions]
        started = time.perf_counter()
        sound = train_at_once(sessions, generators, [noted.add_epoch for noted in curves])
        seconds = (time.perf_counter() - started) / len(sessions)
        trained = zip(self.seeds, curves, sound, strict=True)
        runs = {seed: Run(noted.series, seconds) for seed, noted, is_sound in trained if is_sound}
        return runs, "" if all(sound) else DIVERGED

    def _train_alone(self, seed: int) -> dict[int, Run]:
        curves = Curves(self.splits, self.deadline)
        try:
            session = self._session(seed, curves, self._stopped())
        except ValueError:  # what was stopped cannot be gone on with, if it is not the settings that cannot
            session = self._session(seed, curves, None)
            shutil.rmtree(self.folder, ignore_errors=True)
        session.execute()
        if not curves.complete:
            return {}
        if not self.base.is_dir():  # else the machine that the job comes from does this
            shutil.rmtree(self.folder)
        return {seed: Run(curves.series, curves.seconds)}

    def _session(self, seed: int, curves: Curves, checkpoint: Path | None) -> TrainingSession:
        own = {
            "name": self.row,
            "seed_everything": seed,
            "trainer": {**self._trainer, "default_root_dir": str(self.folder)},
            "ckpt_path": checkpoint and str(checkpoint),
        }
        return prepare("fit", callbacks=[curves], **laid_over(self.settings, own))

    def _stopped(self) -> Path | None:
        """The newest checkpoint of a training that was stopped, if there is one and it is whole.

        Raises:
            ValueError: if it is damaged.
        """
        stopped = self.folder.glob(f"{self.row}/version_*/checkpoints/last.ckpt")
        newest = max(stopped, key=lambda path: path.stat().st_mtime, default=None)
        if newest is None:
            return None
        if is_damaged(newest):
            raise ValueError(f"{newest} is damaged")
        return newest


def jobs_of(name: str, config: Path, seeds: Sequence[int], device: str, deadline: float | None) -> list[Job]:
    """The trainings of a row: all seeds at once where networks are small, else one by one.

    Args:
        name: That of the row.
        config: Its configuration file.
        seeds: Those of the networks.
        device: cpu or cuda.
        deadline: As in `Job`.
    """
    settings, hashed, base = read_settings(config), digest(config), Path.cwd()
    session = prepare("fit", **laid_over(settings, {"trainer": {"accelerator": "cpu", **QUIET}}))
    data = session.config.data.dataset, session.config.data.data_dir

    def job(*seeds: int) -> Job:
        return Job(name, seeds, settings, hashed, data, ROWS[name].splits, device, base, deadline)

    together = obstacle_to_a_stack([session]) is None
    return [job(*seeds)] if together else [job(seed) for seed in seeds]
