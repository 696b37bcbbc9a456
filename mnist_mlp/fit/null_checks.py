"""Settings that are null, or no settings at all, where that means nothing: jsonargparse passes over them."""

from typing import Any

from jsonargparse import ArgumentParser, Namespace

from mnist_mlp.fit.settings import named_classes
from mnist_mlp.lightning_internals.parser_messages import one_sentence, parameters_of

DATA_DECIDES = ("num_inputs", "num_classes")
GROUPS = ("data.augmentation", "dashboard")


def check_nulls(parser: ArgumentParser, config: Any) -> None:
    """See that no setting is null that has to have a value, and that those with settings within are no other value.

    Args:
        parser: What knows the types of all settings.
        config: All settings of a session, by section.

    Raises:
        ValueError: if one is.
    """
    if (scheduler := config.model.scheduler) and scheduler.class_path.startswith("typing."):  # of {}
        raise ValueError("model.scheduler must name its class, such as StepLR, or be null; got none")
    filled = config.clone()
    for name in DATA_DECIDES:
        filled.model[name] = 1 if filled.model[name] is None else filled.model[name]
    for group in GROUPS:
        if not isinstance(config[group], Namespace | dict):
            raise ValueError(f"{group} must hold settings by their names; got {config[group]!r:.80}")
    try:
        parser.validate(filled, skip_unset=False)
    except TypeError as error:
        raise ValueError(one_sentence(str(error), ())) from error
    for setting in ("model.optimizer", "model.scheduler", "trainer.callbacks", "trainer.logger"):
        for each in named_classes(config[setting]):
            _check_arguments(setting, each)


def _check_arguments(setting: str, made: Any) -> None:
    """See that no argument of a class is null whose default is something else."""
    defaults = parameters_of(made.class_path)
    for argument, value in (made.get("init_args") or {}).items():
        if value is None and argument in defaults and defaults[argument].default is not None:
            raise ValueError(
                f"{setting}.init_args.{argument} must not be null; leave it out for what "
                f"{made.class_path.rpartition('.')[2]} takes then"
            )
