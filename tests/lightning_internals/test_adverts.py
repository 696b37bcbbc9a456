import logging
import warnings

from lightning import Trainer

from mnist_mlp.lightning_internals.adverts import ADVERT, LOGGER, silence_adverts


def test_lightning_recommends_no_other_product(caplog, tmp_path):
    logger = logging.getLogger(LOGGER)
    before = logger.filters[:]
    caplog.set_level(logging.INFO, "lightning.pytorch")  # a run of `fit` has raised it
    logging.getLogger("lightning.pytorch").propagate = True
    try:
        logger.filters.clear()
        Trainer(default_root_dir=tmp_path)
        said = [record.getMessage() for record in caplog.records]
        assert any(message.startswith(ADVERT) for message in said), "Lightning says it in another way, or no longer"
        caplog.clear()
        silence_adverts()
        silence_adverts()
        assert len(logger.filters) == 1
        Trainer(default_root_dir=tmp_path)
    finally:
        logger.filters[:] = before
        logging.getLogger("lightning.pytorch").propagate = False
    left = [record.getMessage() for record in caplog.records]
    assert left == [message for message in said if not message.startswith(ADVERT)]
    assert left


def test_lightnings_own_deprecated_calls_are_not_warned_of():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        silence_adverts()
        warnings.warn("`isinstance(treespec, LeafSpec)` is deprecated, ...", FutureWarning, stacklevel=1)
        warnings.warn("another", FutureWarning, stacklevel=1)
    assert [str(each.message) for each in seen] == ["another"]
