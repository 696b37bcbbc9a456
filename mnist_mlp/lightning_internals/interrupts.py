"""How Lightning ends a run that a signal stopped."""

from collections.abc import Iterator
from contextlib import contextmanager

from lightning import Trainer


@contextmanager
def interrupts_as_errors(trainer: Trainer) -> Iterator[None]:
    """Let a signal that stops what runs within end it as other errors do.

    Relies on Lightning raising SystemExit then, after `trainer.interrupted` has become true.

    Raises:
        InterruptedError: if the keyboard or a signal stopped it.
    """
    try:
        yield
    except SystemExit as stop:
        if not trainer.interrupted:
            raise
        sentence = "the run was interrupted; mnist-mlp fit --ckpt_path last continues it"
        raise InterruptedError(sentence) from stop
