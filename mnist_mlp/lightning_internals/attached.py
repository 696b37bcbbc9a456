"""Whether a model is in the hands of a Trainer."""

from lightning import LightningModule


def is_in_a_trainer(model: LightningModule) -> bool:
    """Whether a Trainer works, or has worked, with a model. Relies on `_trainer`, which is None before."""
    return model._trainer is not None
