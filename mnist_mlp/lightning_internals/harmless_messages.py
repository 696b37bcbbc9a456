"""What Lightning says of a run that is as it should be."""

import logging
import warnings

LOGGERS = ("lightning.pytorch", "lightning.fabric")
WARNINGS = (
    ".*LeafSpec.*",  # Lightning's tree handling lags behind torch's
    "Checkpoint directory .* exists and is not empty",  # a run that is continued goes on in its own folder
    ".*callbacks used to create the checkpoint need to be provided",  # a test writes no checkpoint
    "Total length of `list` across ranks is zero",  # val_size may be 0
    "The number of training batches .* is smaller than the logging interval",  # metrics are logged per epoch
)


def silence_harmless_messages() -> None:
    """Let Lightning say only what may matter, from now on. Relies on its wordings, and on the names of its loggers."""
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in WARNINGS:
        warnings.filterwarnings("ignore", message=message)
