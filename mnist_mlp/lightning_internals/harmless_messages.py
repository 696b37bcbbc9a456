"""What Lightning says of a run that is as it should be."""

import logging
import warnings

LOGGERS = ("lightning.pytorch", "lightning.fabric")
REPORTERS = (  # who speaks only where asked: a profiler, a callback with `verbose`, a search, a time limit
    "lightning.pytorch.callbacks",
    "lightning.pytorch.profilers",
    "lightning.pytorch.tuner.batch_size_scaling",
)
SHARED = "lightning.pytorch.utilities.rank_zero"  # by which reporters speak, and the Trainer of its devices
WARNINGS = (
    ".*LeafSpec.*",  # Lightning's tree handling lags behind torch's
    "Checkpoint directory .* exists and is not empty",  # a run that is continued goes on in its own folder
    ".*callbacks used to create the checkpoint need to be provided",  # a test writes no checkpoint
    "Total length of `list` across ranks is zero",  # val_size may be 0
    "The number of training batches .* is smaller than the logging interval",  # metrics are logged per epoch
)


def silence_harmless_messages() -> None:
    """Let Lightning say only what may matter, from now on.

    Relies on its wordings, on the names of its loggers, and on the folders of the code that speaks.
    """
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in (*REPORTERS, SHARED):
        logging.getLogger(name).setLevel(logging.INFO)
    logging.getLogger(SHARED).addFilter(_is_a_report)  # once, however often it is called
    for message in WARNINGS:
        warnings.filterwarnings("ignore", message=message)


def _is_a_report(record: logging.LogRecord) -> bool:
    """Whether a record is a warning, or of code that is a reporter's."""
    folders = (name.replace(".", "/") for name in REPORTERS)
    return record.levelno >= logging.WARNING or any(folder in record.pathname for folder in folders)
