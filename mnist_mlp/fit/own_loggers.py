"""Loggers that a user has chosen: the run's name is theirs, too."""

import inspect
from importlib import import_module
from typing import Any

from jsonargparse import Namespace


def name_loggers(config: Any) -> None:
    """Let loggers write under the run's name: those whose class takes a name, and that were given none.

    A name that is the class's own default counts as none: what is typed and what is filled in look the same.

    Args:
        config: All settings of a session, by section; changed in place.
    """
    loggers = config.trainer.logger if isinstance(config.trainer.logger, list) else [config.trainer.logger]
    for logger in loggers:
        if not isinstance(logger, Namespace):  # none, or one that a program has made
            continue
        module, _, kind = logger.class_path.rpartition(".")
        parameter = inspect.signature(getattr(import_module(module), kind)).parameters.get("name")
        settings = logger.get("init_args") or Namespace()
        if parameter and settings.get("name", parameter.default) == parameter.default:
            settings["name"] = config.name
            logger["init_args"] = settings
