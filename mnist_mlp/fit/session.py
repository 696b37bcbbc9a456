"""What `mnist-mlp fit | validate | test | predict` work with, made from settings, and how they run.

A run is written to `logs/<name>/version_N/`. Where a checkpoint is named, the settings it was trained with are the
defaults; what is given wins over them.
"""

import argparse
import json
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from lightning import Callback, Trainer
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from torch import Tensor
from typing_extensions import override

from mnist_mlp.bare_loop.memory import keep_freed_memory
from mnist_mlp.console.devices import check_cuda
from mnist_mlp.console.plain_errors import naming
from mnist_mlp.data.module import MNISTDataModule
from mnist_mlp.fit.arguments import add_arguments, with_configs_found
from mnist_mlp.fit.callback_checks import check_callbacks
from mnist_mlp.fit.checkpoint_files import (
    SafeCheckpointIO,
    keep_in,
    last_good_checkpoint,
    model_checkpoints,
    without_folder,
)
from mnist_mlp.fit.continuation import RunSettings
from mnist_mlp.fit.data_settings import take_from_data
from mnist_mlp.fit.first_weights import begin_from
from mnist_mlp.fit.null_checks import check_nulls
from mnist_mlp.fit.number_checks import check_numbers, check_seed, check_typed_numbers
from mnist_mlp.fit.own_classes import class_of, without_classes
from mnist_mlp.fit.own_loggers import name_loggers
from mnist_mlp.fit.predictions import of_all_processes, write_table
from mnist_mlp.fit.processes import check_processes, devices_of_torchrun, ending_together
from mnist_mlp.fit.progress_lines import CalmProgressBar, FirstLine, interrupted, measured, said_at_the_end
from mnist_mlp.fit.run_config import (
    damaged_file,
    differences,
    text_of,
    without_enums,
)
from mnist_mlp.fit.run_folder import NewRun, claim_version, discard, logger_of, run_folder
from mnist_mlp.fit.same_training import what_is_lost
from mnist_mlp.fit.settings import Given, log_folder, settings_in
from mnist_mlp.fit.starting_point import starting_point
from mnist_mlp.lightning_internals.event_writer import event_errors
from mnist_mlp.lightning_internals.gpu_search import stop_looking_for_gpus
from mnist_mlp.lightning_internals.harmless_messages import silence_harmless_messages
from mnist_mlp.lightning_internals.interrupts import interrupts_as_errors
from mnist_mlp.lightning_internals.parser_messages import one_sentence
from mnist_mlp.shipped.files import config_file
from mnist_mlp.training.classifier import MLPClassifier

COMMANDS = {
    "fit": "Train a network; a configuration file, or what is typed, says which.",
    "validate": "Measure a checkpoint on the validation images.",
    "test": "Measure a checkpoint on the test images.",
    "predict": "Classify the validation images, or Kaggle's test images, with a checkpoint, into a table beside it.",
}


def prepare(
    command: str = "fit",
    config: Path | str | None = None,
    *,
    callbacks: Sequence[Callback] = (),
    typed: Sequence[str] = (),
    **settings: Any,
) -> "TrainingSession":
    """Build what `mnist-mlp fit`, `validate`, `test` or `predict` work with, from the same settings, and run nothing.

    As on the command line, the global random generators are seeded first, and harmless warnings are silenced.

    Args:
        command: fit, validate, test or predict.
        config: The path of a configuration file, in YAML, or the name of one that comes with the package.
        callbacks: Put before all others, so that they see the end of an epoch before its checkpoint is written. They
            do not stand in the run's config.yaml.
        typed: Settings as they are typed on the command line, laid over all others.
        **settings: Sections and settings as in a configuration file, laid over the file's: `seed_everything=3`,
            `model={"hidden_sizes": [30]}`, `trainer={"max_epochs": 2}`. What names a class_path replaces the file's
            init_args; `model={"optimizer": {"init_args": {"lr": 0.5}}}` keeps the others.

    Raises:
        ValueError: if a setting is unknown, or its value makes no sense.
    """
    if command not in COMMANDS:
        raise ValueError(f"command must be one of {', '.join(COMMANDS)}; got {command!r}")
    keep_freed_memory()
    stop_looking_for_gpus()
    silence_harmless_messages()
    given = Given(config_file(config) if config else None, settings, [*with_configs_found(typed)])
    return TrainingSession(command, given, callbacks)


class TrainingSession(LightningCLI):
    """A model, its data and a Trainer; `execute` puts them to work.

    Attributes:
        command: fit, validate, test or predict.
        config: All settings, by section: `config.model.hidden_sizes`.
        model: The network.
        datamodule: The images.
        trainer: The Trainer.
        seconds: What the training took, once it is done.
    """

    model: MLPClassifier
    datamodule: MNISTDataModule
    seconds = 0.0

    def __init__(self, command: str, given: Given, callbacks: Sequence[Callback]) -> None:
        self.command = command
        self._given, named = without_classes(given)
        self._start = starting_point(command, self._given, named)
        self._classes = self._start.classes | named
        self._callbacks = callbacks
        self._claimed: Path | None = None  # the folder of a new run that has no logger to claim it
        self._lines: list[str] = []  # what there is to say before a training
        super().__init__(
            *(class_of(section, self._classes.get(section)) for section in ("model", "data")),
            args=[],
            run=False,
            parser_kwargs={
                "prog": f"mnist-mlp {command}",
                "description": COMMANDS[command],
                "exit_on_error": False,
                "allow_abbrev": False,
                "add_help": False,  # `add_arguments` adds ours
            },
            seed_everything_default=0,
            auto_configure_optimizers=False,
            save_config_callback=None,
        )

    @property
    def checkpoint(self) -> Path | None:
        """The checkpoint that is trained on or measured."""
        return self._start.checkpoint

    @override
    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        add_arguments(parser, self.command)
        objects = self.subcommands()[self.command]
        self._trainer_arguments = parser.add_method_arguments(Trainer, self.command, skip={*objects})

    @override
    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        given, start = self._given, self._start
        settings = given.over(start.remembered)
        try:
            if given.typed:  # jsonargparse lays what is typed only over a configuration that is typed, too
                below = [f"--config={json.dumps(settings, default=str)}"] if settings else []
                self.config = parser.parse_args([*below, *given.typed])
            else:
                self.config = parser.parse_object(settings)
        except argparse.ArgumentError as error:
            where = damaged_file(parser, start.remembered if self.command == "fit" else {}, self.checkpoint)
            raise ValueError(where + one_sentence(str(error), parser.get_defaults().keys())) from error
        self.config.ckpt_path = self.checkpoint and str(self.checkpoint)
        self.config.weights = str(start.weights) if start.weights else self.config.weights
        self.config.trainer.default_root_dir = str(log_folder(self.config.trainer.default_root_dir))
        check_seed(self.config.seed_everything)
        self.config = without_enums(self.config)

    @override
    def before_instantiate_classes(self) -> None:
        check_nulls(self.parser, self.config)
        check_numbers(self.config)
        check_typed_numbers(self._given.typed_values(), self.config)
        check_cuda("trainer.accelerator", self.config.trainer.accelerator)
        take_from_data(self.config)
        self._start.check(self.config)
        name_loggers(self.config)

    @override
    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        if self._start.weights:
            self._lines.append(begin_from(self._start.weights, self.model, self.datamodule))
        config: Any = self.config_init
        configured = config.trainer.callbacks or []
        callbacks = [*self._callbacks, *([configured] if isinstance(configured, Callback) else configured)]
        check_callbacks(callbacks)
        if config.trainer.enable_progress_bar is not False:
            callbacks.append(CalmProgressBar())
        if config.trainer.fast_dev_run:  # a trial, of which nothing stays
            kwargs["logger"] = False
        elif config.trainer.logger in (None, True):
            log_dir = Path(config.trainer.default_root_dir)
            kwargs["logger"] = logger_of(self.command, self.checkpoint, log_dir, config.name)
        kwargs["plugins"] = [*(config.trainer.plugins or []), SafeCheckpointIO()]
        if self.command == "fit":
            callbacks += self._callbacks_of_fit(config)
        else:
            kwargs["enable_checkpointing"] = False
        with naming("trainer"):
            trainer = super().instantiate_trainer(
                callbacks=callbacks, **kwargs, **devices_of_torchrun(config.trainer.devices)
            )
        check_processes(trainer)
        return trainer

    def _callbacks_of_fit(self, config: Any) -> list[Callback]:
        """Those that write: the checkpoints, config.yaml, and what the dashboard shows."""
        is_trial = bool(config.trainer.fast_dev_run)
        checkpoints = []
        if config.trainer.enable_checkpointing is not False and not is_trial:
            checkpoints = model_checkpoints(self.config.data.val_size != 0)
        model = self.config.model.as_dict()
        optimization = {setting: model[setting] for setting in ("optimizer", "scheduler")}
        panels = config.dashboard.callbacks() if config.trainer.logger is not False and not is_trial else []
        text = text_of(self.parser, self.config, self._classes)
        if changes := "; ".join(differences(self._start.before, settings_in(text, Path("config.yaml")))):
            self._lines.append(f"continued with other settings than before: {changes}")
        if checkpoints and self.checkpoint and (lost := what_is_lost(self.checkpoint)):
            self._lines.append(lost)
        self._run_settings = RunSettings(optimization, text)
        return [FirstLine(), *checkpoints, self._run_settings, *panels]

    def _run_folder(self) -> Path:
        """The run's folder, where there is no logger to claim it."""
        runs = Path(self.config.trainer.default_root_dir) / self.config.name
        if folder := run_folder(self.checkpoint):
            return folder
        self._claimed = folder = runs / f"version_{claim_version(runs)}"
        return folder

    def execute(self) -> None:
        """Train, measure or predict.

        Raises:
            FloatingPointError: if the training diverged.
            InterruptedError: if a signal stopped it.
            ChildProcessError: if another process of several ended.
        """
        said = partial(interrupted, self.command, self.trainer)
        try:
            with ending_together(self.trainer), event_errors(self.trainer), interrupts_as_errors(self.trainer, said):
                {"fit": self._fit, "predict": self._predict}.get(self.command, self._measure)()
        except BaseException:
            self._discard_unused_folder()
            raise

    def _discard_unused_folder(self) -> None:
        """Remove the folder of a new run that was refused before it trained."""
        claimed = self.trainer.logger.claimed if isinstance(self.trainer.logger, NewRun) else self._claimed
        if claimed and not self._run_settings.trained and self.trainer.is_global_zero:
            discard(claimed)

    def _run_trainer(self, **kwargs: Any) -> Any:
        given = {name: self.config_init[name] for name in self._trainer_arguments}
        return getattr(self.trainer, self.command)(self.model, datamodule=self.datamodule, **given | kwargs)

    def _fit(self) -> None:
        if self.config.lr_find:
            raise ValueError(
                "lr_find is for the command line; a program gives this session to "
                "mnist_mlp.fit.learning_rate.suggested_rate, and prepares another one with the rate"
            )
        started = time.perf_counter()
        for line in self._lines:
            self._say(line)
        if not self.trainer.loggers and (homeless := without_folder(self.trainer)):
            keep_in(homeless, self._run_folder() / "checkpoints")
        try:
            self._run_trainer()
        except FloatingPointError as error:
            last = last_good_checkpoint(self.trainer)
            raise FloatingPointError(f"{error}; the last good checkpoint is {last}") from error
        self.seconds = time.perf_counter() - started
        for line in said_at_the_end(self.trainer, self.seconds):
            self._say(line)

    def _say(self, line: str) -> None:
        """Print a line, once of all processes."""
        if self.trainer.is_global_zero:
            print(line)

    def _measure(self) -> None:
        self._say(f"checkpoint {self.checkpoint}")
        (metrics,) = self._run_trainer(verbose=False)  # Lightning's table has 16 digits of a fraction
        if self.config_init["verbose"]:
            self._say(measured(metrics))

    def _predict(self) -> None:
        self._say(f"checkpoint {self.checkpoint}")
        predictions = self._run_trainer(return_predictions=True)
        if not predictions:
            raise ValueError("no image was classified; raise --trainer.limit_predict_batches")
        probabilities = of_all_processes(torch.cat(cast(list[Tensor], predictions)), self.trainer.world_size)
        if self.trainer.is_global_zero:
            print(write_table(probabilities, self.datamodule, run_folder(self.checkpoint) or Path()))
