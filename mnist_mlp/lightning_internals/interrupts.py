"""How Lightning ends a run that a signal stopped."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lightning import Trainer


@contextmanager
def interrupts_as_errors(trainer: Trainer, sentence: Callable[[], str]) -> Iterator[None]:
    """Let a signal that stops what runs within end it as other errors do.

    Relies on Lightning raising SystemExit then, after `trainer.interrupted` has become true.

    Args:
        trainer: What runs.
        sentence: Gives what the error says, once it has stopped.

    Raises:
        InterruptedError: if the keyboard or a signal stopped it.
    """
    try:
        yield
    except SystemExit as stop:
        if not trainer.interrupted:
            raise
        raise InterruptedError(sentence()) from stop
