"""`mnist-mlp fit | validate | test | predict`: LightningCLI with this project's defaults and manners."""

import argparse
import csv
import json
import logging
import os
import re
import tempfile
import time
import warnings
from collections.abc import Iterable
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

import torch
import yaml
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, RichProgressBar
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from torch import Tensor

from mnist_mlp.bare_loop.memory import keep_freed_memory
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
from mnist_mlp.training.classifier import MLPClassifier

LOG_DIR = "logs"
STRICT = {"exit_on_error": False, "allow_abbrev": False}
HARMLESS_WARNINGS = (
    ".*LeafSpec.*",  # Lightning's tree handling lags behind torch's
    "Checkpoint directory .* exists and is not empty",  # a resumed run goes on in its own folder
    ".*callbacks used to create the checkpoint need to be provided",  # a test writes no checkpoint
    "Total length of `list` across ranks is zero",  # val_size may be 0
    "The number of training batches .* is smaller than the logging interval",  # metrics are logged per epoch
)


def run(args: list[str]) -> "TrainingCLI":
    """Run one sub-command, such as ["fit", "--config", "configs/quickstart.yaml"].

    Raises:
        ValueError: if a setting is unknown, or its value makes no sense.
        FloatingPointError: if the training diverged.
    """
    cli = build(args)
    cli.execute()
    return cli


def build(args: list[str]) -> "TrainingCLI":
    """Build the model, the data module and the Trainer of a sub-command, without running it.

    Raises:
        ValueError: if a setting is unknown, or its value makes no sense.
    """
    keep_freed_memory()
    stop_looking_for_gpus()
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in HARMLESS_WARNINGS:
        warnings.filterwarnings("ignore", message=message)
    return TrainingCLI(
        MLPClassifier,
        MNISTDataModule,
        args=args,
        parser_kwargs=STRICT | {name: dict(STRICT) for name in TrainingCLI.subcommands()},
        seed_everything_default=0,
        auto_configure_optimizers=False,
        save_config_callback=None,
    )


def stop_looking_for_gpus() -> None:
    """Where there is none, let torch remember it: Lightning makes it load NVIDIA's library for each step of Adam."""
    if not torch.cuda.is_available():
        os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)


class TrainingCLI(LightningCLI):
    """The command line of the trainer.

    A run is written to `logs/<name>/version_N/`. Where a checkpoint is named, the settings it was trained with
    are the defaults; what is typed, or stands in a configuration file that is typed, wins over them.
    """

    subcommand: str
    checkpoint: Path | None = None

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
        """Parse the arguments, with the settings of the run whose checkpoint they name as defaults."""
        assert isinstance(args, list)
        subcommand, *rest = args
        asked = _checkpoint_arguments(rest)
        which = asked.ckpt_path or (None if subcommand == "fit" else "best")
        if which and not asked.help:
            self.checkpoint = find_checkpoint(which, asked.log_dir, asked.name)
            remembered = remembered_settings(self.checkpoint, continues=subcommand == "fit")
            rest = [f"--config={json.dumps(remembered)}", *rest, f"--ckpt_path={self.checkpoint}"]
        # LightningCLI warns where it is handed arguments that did not come from sys.argv.
        try:
            self.config = parser.parse_args([subcommand, *rest])
            seed = self.config[subcommand].seed_everything
            if isinstance(seed, bool) or seed < 0:
                raise ValueError(f"seed_everything must be an integer of at least 0; got {seed}")
        except argparse.ArgumentError as error:
            settings = self._subcommand_parsers[subcommand].get_defaults().keys()
            raise ValueError(_one_sentence(str(error), settings)) from error

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
        if config.trainer.accelerator in ("cuda", "gpu") and not torch.cuda.is_available():
            raise ValueError(
                f"trainer.accelerator {config.trainer.accelerator} needs a CUDA device, and this machine has none; "
                "use --trainer.accelerator cpu"
            )
        if config.name is None:
            files = [Path(str(path)).stem for path in config.config or [] if path is not None]
            config.name = files[-1] if files else config.data.dataset

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """A Trainer with TensorBoard, the best and the last checkpoint, and a calm progress bar."""
        config = self.config_init[self.subcommand]
        trainer = config.trainer
        callbacks = [trainer.callbacks] if isinstance(trainer.callbacks, Callback) else list(trainer.callbacks or [])
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


def _checkpoint_arguments(args: list[str]) -> argparse.Namespace:
    """What must be known of the arguments before they can be parsed: where the checkpoint lies."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--ckpt_path")
    parser.add_argument("--trainer.default_root_dir", dest="log_dir", type=Path, default=Path(LOG_DIR))
    parser.add_argument("--name")
    parser.add_argument("--config", "-c", type=Path, action="append", default=[])
    parser.add_argument("--help", "-h", "--print_config", action="store_true")
    asked, _ = parser.parse_known_args(args)
    for file in asked.config:
        settings = None
        with suppress(OSError, UnicodeDecodeError, yaml.YAMLError):  # of which the real parser will speak
            settings = yaml.safe_load(file.read_text())
        if isinstance(settings, dict):
            log_dir = (settings.get("trainer") or {}).get("default_root_dir") or asked.log_dir
            parser.set_defaults(ckpt_path=settings.get("ckpt_path"), name=settings.get("name"), log_dir=Path(log_dir))
            asked, _ = parser.parse_known_args(args)
    if asked.name is None and asked.config:
        asked.name = asked.config[-1].stem
    return asked


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
