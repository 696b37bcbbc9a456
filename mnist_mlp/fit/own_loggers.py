"""Loggers that a user has chosen: the run's name is theirs, too."""

from typing import Any

from jsonargparse import Namespace

from mnist_mlp.fit.settings import named_classes
from mnist_mlp.lightning_internals.parser_messages import parameters_of


def name_loggers(config: Any) -> None:
    """Let loggers write under the run's name: those whose class takes a name, and that were given none.

    A name that is the class's own default counts as none: what is typed and what is filled in look the same.

    Args:
        config: All settings of a session, by section; changed in place.
    """
    for logger in named_classes(config.trainer.logger):
        parameter = parameters_of(logger.class_path).get("name")
        settings = logger.get("init_args") or Namespace()
        if parameter and settings.get("name", parameter.default) == parameter.default:
            settings["name"] = config.name
            logger["init_args"] = settings
