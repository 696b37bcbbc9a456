"""The callbacks of a Trainer, in the order in which they are called."""

from typing import Any

from lightning import Callback, Trainer


def callbacks_of(trainer: Trainer) -> list[Callback]:
    """All of them, Lightning's own too. Relies on `Trainer.callbacks`, an attribute that no class declares."""
    undeclared: Any = trainer
    return undeclared.callbacks
