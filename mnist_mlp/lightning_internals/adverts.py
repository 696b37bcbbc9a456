"""What Lightning says around a training that has nothing to do with it."""

import logging
import warnings

LOGGER = "lightning.pytorch.utilities.rank_zero"
ADVERT = "💡 Tip: "
DEPRECATED = ".*LeafSpec.*"  # Lightning's tree handling lags behind torch's


def _is_no_advert(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(ADVERT)


def silence_adverts() -> None:
    """Let Lightning recommend no other product, nor warn of its own calls of torch, from now on.

    Relies on its wordings, and on the name of its logger.
    """
    logging.getLogger(LOGGER).addFilter(_is_no_advert)  # once: a logger takes no filter twice
    warnings.filterwarnings("ignore", message=DEPRECATED)
