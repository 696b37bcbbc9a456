"""What `mnist-mlp fit` and its kin work with, built from settings: LightningCLI with this project's defaults."""

import argparse
import csv
import json
import logging
import os
import re
import tempfile
import time
import warnings
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, RichProgressBar
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from torch import Tensor

from mnist_mlp.bare_loop.memory import keep_freed_memory
from mnist_mlp.console.devices import check_cuda
from mnist_mlp.dashboard.panels import Dashboard
from mnist_mlp.data.module import MNISTDataModule
from mnist_mlp.fit.checkpoints import (
    AtomicCheckpointIO,
    RunLogger,
    RunSettings,
    claim_version,
    find_checkpoint,
    model_checkpoints,
    remembered_settings,
    run_folder,
)
from mnist_mlp.fit.settings import LOG_DIR, Given
from mnist_mlp.training.classifier import MLPClassifier

STRICT = {"exit_on_error": False, "allow_abbrev": False}
HARMLESS_WARNINGS = (
    ".*LeafSpec.*",  # Lightning's tree handling lags behind torch's
    "Checkpoint directory .* exists and is not empty",  # a resumed run goes on in its own folder
    ".*callbacks used to create the checkpoint need to be provided",  # a test writes no checkpoint
    "Total length of `list` across ranks is zero",  # val_size may be 0
    "The number of training batches .* is smaller than the logging interval",  # metrics are logged per epoch
)


def prepare(
    subcommand: str = "fit",
    config: Path | str | None = None,
    *,
    callbacks: Sequence[Callback] = (),
    typed: Sequence[str] = (),
    **settings: Any,
) -> "TrainingSession":
    """Build what `mnist-mlp fit` and its kin work with, from the same settings, without running it.

    As on the command line, the global random generators are seeded first, harmless warnings are filtered, and a
    session of fit claims its run's folder in `logs/`.

    Args:
        subcommand: fit, validate, test or predict.
        config: A configuration file, the path of one in YAML.
        callbacks: Put before all others, so that they see the end of an epoch before its checkpoint is written. They
            are not written into the run's config.yaml.
        typed: Settings as they are typed on the command line, laid over all others.
        **settings: Sections and settings as in a configuration file, laid over the file's: `seed_everything=3`,
            `model={"hidden_sizes": [30]}`, `trainer={"max_epochs": 2}`. What names a class_path replaces the file's
            init_args; `model={"optimizer": {"init_args": {"lr": 0.5}}}` keeps the others.

    Raises:
        ValueError: if a setting is unknown, or its value makes no sense.
    """
    if subcommand not in TrainingSession.subcommands():
        raise ValueError(f"subcommand must be one of {', '.join(TrainingSession.subcommands())}; got {subcommand!r}")
    keep_freed_memory()
    stop_looking_for_gpus()
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in HARMLESS_WARNINGS:
        warnings.filterwarnings("ignore", message=message)
    given = Given(None if config is None else Path(config), settings, typed)
    return TrainingSession(subcommand, given, callbacks)


def stop_looking_for_gpus() -> None:
    """Where there is none, let torch remember it: Lightning makes it load NVIDIA's library for each step of Adam."""
    if not torch.cuda.is_available():
        os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)


class TrainingSession(LightningCLI):
    """What a sub-command works with; `execute` runs it.

    A run is written to `logs/<name>/version_N/`. Where a checkpoint is named, the settings it was trained with
    are the defaults; what is given, or stands in a configuration file that is given, wins over them.

    Attributes:
        model: The `MLPClassifier`.
        datamodule: The `MNISTDataModule`.
        trainer: The `Trainer`.
        config: All settings, below the name of the sub-command: `config.fit.model.hidden_sizes`.
        checkpoint: The checkpoint that is trained on or measured, or None.
        seconds: What the training took, once it is done.
    """

    subcommand: str
    model: MLPClassifier
    datamodule: MNISTDataModule
    checkpoint: Path | None = None
    seconds = 0.0

    def __init__(self, subcommand: str, given: Given, callbacks: Sequence[Callback]) -> None:
        self.subcommand = subcommand
        self._given = given
        self._callbacks = callbacks
        super().__init__(
            MLPClassifier,
            MNISTDataModule,
            args=[],
            parser_kwargs=STRICT | {name: dict(STRICT) for name in self.subcommands()},
            seed_everything_default=0,
            auto_configure_optimizers=False,
            save_config_callback=None,
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add --name, let one seed serve all, and choose this project's defaults of the Trainer."""
        parser.add_argument(
            "--name",
            type=str | None,
            default=None,
            help="The run's folder in the log folder (default: the name of the configuration file)",
        )
        parser.add_argument(
            "--dashboard",
            type=Dashboard,
            default=Dashboard(),
            help="What TensorBoard shows besides costs and accuracies",
        )
        parser.link_arguments("seed_everything", "data.seed", compute_fn=int)
        parser.set_defaults(
            {"trainer.default_root_dir": LOG_DIR, "trainer.max_epochs": 10, "trainer.enable_model_summary": False}
        )

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse what is given, laid over the settings of the run whose checkpoint it names."""
        subcommand, given, remembered = self.subcommand, self._given, {}
        asked = given.checkpoint()
        which = asked.ckpt_path or (None if subcommand == "fit" else "best")
        if which and not given.asks_for_help:
            self.checkpoint = find_checkpoint(which, asked.log_dir, asked.name)
            remembered = remembered_settings(self.checkpoint, continues=subcommand == "fit")
        settings = given.over(remembered)
        try:
            if given.typed:  # jsonargparse lays what is typed over other settings where these are typed, too
                below = [f"--config={json.dumps(settings, default=str)}"] if settings else []
                self.config = parser.parse_args([subcommand, *below, *given.typed])
            else:
                self.config = parser.parse_object({"subcommand": subcommand, subcommand: settings})
            config = self.config[subcommand]
            config.ckpt_path = self.checkpoint and str(self.checkpoint)
            if isinstance(config.seed_everything, bool) or config.seed_everything < 0:
                raise ValueError(f"seed_everything must be an integer of at least 0; got {config.seed_everything}")
        except argparse.ArgumentError as error:
            known = self._subcommand_parsers[subcommand].get_defaults().keys()
            raise ValueError(_one_sentence(str(error), known)) from error

    def _run_subcommand(self, subcommand: str) -> None:
        """Do nothing yet: `execute` runs it."""

    def execute(self) -> None:
        """Run the sub-command.

        Raises:
            InterruptedError: if a signal stopped it.
        """
        try:
            super()._run_subcommand(self.subcommand)
        except SystemExit:  # by which Lightning ends a run at the keyboard's interrupt
            if not self.trainer.interrupted:
                raise
        if self.trainer.interrupted:
            raise InterruptedError("the run was interrupted; mnist-mlp fit --ckpt_path last continues it")

    def _parse_ckpt_path(self) -> None:
        """Do nothing: `parse_arguments` has read the checkpoint, and let what was typed win."""

    def before_instantiate_classes(self) -> None:
        """Name the run, and check what would otherwise fail late."""
        config = self.config[self.subcommand]
        check_cuda("trainer.accelerator", config.trainer.accelerator)
        if config.name is None:
            files = [Path(str(path)).stem for path in config.config or [] if path is not None]
            config.name = files[-1] if files else config.data.dataset

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """A Trainer with TensorBoard, the best and the last checkpoint, and a calm progress bar."""
        config = self.config_init[self.subcommand]
        trainer = config.trainer
        configured = [trainer.callbacks] if isinstance(trainer.callbacks, Callback) else trainer.callbacks or []
        callbacks = [*self._callbacks, *configured]
        if trainer.enable_progress_bar is not False:
            callbacks.append(CalmProgressBar())
        if self.subcommand != "fit":
            kwargs["enable_checkpointing"] = False
        elif trainer.enable_checkpointing is not False:
            folder = self._folder_without_logger(config) if trainer.logger is False else None
            callbacks += model_checkpoints(self.config.fit.data.val_size > 0, folder)
        if self.subcommand == "fit":
            model = self.config.fit.model.as_dict()
            optimization = {setting: model[setting] for setting in ("optimizer", "scheduler")}
            callbacks.append(RunSettings(optimization, self._write_config))
            callbacks += config.dashboard.callbacks() if trainer.logger is not False else []
            kwargs["plugins"] = [*(trainer.plugins or []), AtomicCheckpointIO()]
        if trainer.logger in (None, True):
            kwargs["logger"] = self._logger(Path(trainer.default_root_dir), config.name)
        return super().instantiate_trainer(callbacks=callbacks, **kwargs)

    def _folder_without_logger(self, config: Any) -> Path:
        """Where checkpoints go, where there is no logger to say it."""
        run_dir = self.checkpoint and run_folder(self.checkpoint)
        if not run_dir:
            runs = Path(config.trainer.default_root_dir) / config.name
            run_dir = runs / f"version_{claim_version(runs)}"
        return run_dir / "checkpoints"

    def _write_config(self, folder: Path) -> None:
        """Write the run's configuration, without the checkpoint it was continued from."""
        config = self.config.fit.clone()
        config.ckpt_path = None
        self._parser("fit").save(config, folder / "config.yaml", skip_none=False, overwrite=True, multifile=False)

    def _logger(self, log_dir: Path, name: str) -> RunLogger | bool:
        """TensorBoard in a new folder, or in that of the run whose checkpoint is trained on or tested."""
        run_dir = self.checkpoint and run_folder(self.checkpoint)
        if self.subcommand in ("validate", "predict") or (self.subcommand == "test" and not run_dir):
            return False
        if run_dir:
            runs, purge_step = run_dir.absolute().parent, None
            if self.checkpoint and self.subcommand == "fit":  # what was logged after it is no longer true
                purge_step = torch.load(self.checkpoint, weights_only=True, mmap=True)["global_step"] + 1
            where = (os.path.relpath(runs.parent), runs.name, run_dir.absolute().name)
            return RunLogger(*where, default_hp_metric=False, purge_step=purge_step)
        try:
            (log_dir / name).mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=log_dir / name).close()
        except OSError as error:
            raise type(error)(
                f"the log folder {log_dir / name} cannot be written ({error.strerror}): "
                "choose another with --trainer.default_root_dir"
            ) from error
        return RunLogger(log_dir, name, default_hp_metric=False)

    def before_fit(self) -> None:
        """Say what is trained, and start the clock."""
        mlp, config = self.model.mlp, self.config.fit
        if self.trainer.is_global_zero:
            parameters = sum(parameter.numel() for parameter in mlp.parameters())
            print(
                f"{'-'.join(map(str, mlp.sizes))} {' '.join(dict.fromkeys(mlp.activations)) or 'no hidden layer'}, "
                f"{config.model.cost}, {parameters:,} parameters, on {config.data.dataset}"
            )
        self.started = time.perf_counter()

    def after_fit(self) -> None:
        """Sum the run up in one line."""
        self.seconds = time.perf_counter() - self.started
        checkpoint = self.trainer.checkpoint_callback
        if not self.trainer.is_global_zero or not isinstance(checkpoint, ModelCheckpoint):
            return
        path, score = checkpoint.best_model_path, checkpoint.best_model_score
        if not path or not Path(path).exists():
            print(f"no checkpoint of a best epoch was written · {self.seconds:.1f} s")
            return
        epoch = torch.load(path, weights_only=True, mmap=True)["epoch"]
        best = f"epoch {epoch}" if score is None else f"best val/acc {score:.2%} in epoch {epoch}"
        view = f" · mnist-mlp dashboard {self.trainer.default_root_dir}" if self.trainer.loggers else ""
        print(f"{best} · {path} · {self.seconds:.1f} s{view}")

    def before_validate(self) -> None:
        """Say which checkpoint is measured."""
        print(f"checkpoint {self.checkpoint}")

    before_test = before_predict = before_validate

    def predict(self, **kwargs: Any) -> None:
        """Write the predictions of the validation images to predictions.csv, beside the run's checkpoints."""
        predictions = self.trainer.predict(**dict(kwargs, return_predictions=True))
        if not predictions:
            raise ValueError("no image was classified; raise --trainer.limit_predict_batches")
        probabilities = torch.cat(cast(list[Tensor], predictions))
        labels = self.datamodule.val_images.labels[: len(probabilities)]
        first = self.datamodule.val_start
        run_dir = self.checkpoint and run_folder(self.checkpoint)
        path = (run_dir or Path()) / "predictions.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["index", "label", "predicted", "probability"])
            for i, (label, row) in enumerate(zip(labels.tolist(), probabilities, strict=True)):
                writer.writerow([first + i, label, row.argmax().item(), f"{row.max().item():.4f}"])
        right = (probabilities.argmax(dim=1) == labels).float().mean()
        print(f"{len(labels):,} validation images, {right:.2%} right · {path}")


class CalmProgressBar(RichProgressBar):
    """One line for all epochs, drawn anew ten times a second, without the number of the run's folder."""

    def __init__(self) -> None:
        super().__init__(refresh_rate=10)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the mini-batches of a block, too."""
        super().on_train_batch_end(trainer, pl_module, outputs, batch, trainer.fit_loop.epoch_loop.batch_idx)

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """The metrics that are shown: val/acc."""
        return {name: value for name, value in super().get_metrics(trainer, pl_module).items() if name != "v_num"}


def _one_sentence(message: str, settings: Iterable[str]) -> str:
    """What jsonargparse says in several lines, with the nearest of the settings where one is unknown."""
    sentence = " ".join(message.split())
    sentence = re.sub(r'Parser key "(.+?)": ', r"\1: ", sentence)
    sentence = re.sub(r"Expected a <class '(\w+)'>\. Got value:", r"expected \1; got", sentence)
    if union := re.search(
        r"Does not validate .* Errors: ((?:- Expected [^-]+)+)Given value type: .* Given value: ", sentence
    ):
        kinds = re.findall(r"<class '(\w+)'>|Literal\[(.+?)\]", union[1])
        sentence = sentence.replace(
            union[0], f"expected {' or '.join(kind or literal for kind, literal in kinds)}; got "
        )
    if unknown := re.search(r"unrecognized arguments: --([\w.]+)|does not accept option '([\w.]+)'", sentence):
        nearest = get_close_matches(unknown[1] or unknown[2], settings, n=1)
        sentence += f"; did you mean {nearest[0]}?" if nearest else ""
    if "are required" in sentence:
        sentence += "; a configuration file has all: --config configs/quickstart.yaml"
    return sentence
