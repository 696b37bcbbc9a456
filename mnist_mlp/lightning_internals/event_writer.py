"""How TensorBoard's event files are written: by a thread, whose errors the main thread raises again."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lightning import Trainer
from tensorboard.summary.writer.event_file_writer import _AsyncWriterThread

from mnist_mlp.console.plain_errors import FULL


@contextmanager
def event_errors(trainer: Trainer) -> Iterator[None]:
    """Let the thread that writes a run's event file print no traceback, and the error say which folder is full.

    Relies on the name of the thread's class, and on its errors being raised again where the next event is written.

    Raises:
        OSError: if something could not be written.
    """
    said_by_others = threading.excepthook

    def say(args: threading.ExceptHookArgs) -> None:
        if not isinstance(args.thread, _AsyncWriterThread):
            said_by_others(args)

    threading.excepthook = say
    try:
        yield
    except OSError as error:
        if error.errno not in FULL or error.filename:
            raise
        raise OSError(error.errno, error.strerror, trainer.log_dir or trainer.default_root_dir) from error
    finally:
        threading.excepthook = said_by_others
