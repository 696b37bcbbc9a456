"""A training that diverges stops at once, and says at which step."""

from jaxtyping import Float
from lightning import LightningModule
from torch import Tensor


def check_cost(model: LightningModule, cost: Float[Tensor, ""], step: int, images: str = "training") -> None:
    """See that the cost of a mini-batch is a number.

    Args:
        model: What trains.
        cost: Of one mini-batch, or the mean of several.
        step: The number of the step, for the message.
        images: Whether it is of training, validation or test images, for the message.

    Raises:
        FloatingPointError: if it is NaN or infinite.
    """
    if not cost.isfinite():
        raise FloatingPointError(_diverged(model, f"the {images} loss became {cost.item()}", step))


def check_parameters(model: LightningModule) -> None:
    """See that all parameters are numbers.

    Raises:
        FloatingPointError: if one is NaN or infinite.
    """
    if not all(parameter.isfinite().all() for parameter in model.parameters()):
        raise FloatingPointError(_diverged(model, "a parameter became NaN or infinite", model.global_step))


def _diverged(model: LightningModule, what: str, step: int) -> str:
    return (
        f"{what} at step {step} in epoch {model.current_epoch + 1}: "
        "usually the learning rate is too large, or the initial weights are"
    )
