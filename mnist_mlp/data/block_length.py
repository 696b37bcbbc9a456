"""How many mini-batches are handed out at a time."""

from functools import cache
from typing import Literal, Protocol, runtime_checkable

from lightning import LightningModule
from lightning.pytorch.utilities import rank_zero_only

AUTO_BLOCK_IMAGES = 5000  # 16 MB of pixels; Lightning's half millisecond is then less than a tenth of a block

StepsPerExecution = int | Literal["auto"]


@runtime_checkable
class TrainsInBlocks(Protocol):
    """A model whose `training_step` takes several mini-batches at a time."""

    def obstacle_to_blocks(self) -> str | None:
        """What in its training needs every mini-batch to be a step of Lightning's own, or None."""
        ...


def steps_in_a_block(asked: StepsPerExecution, batch_size: int, model: LightningModule | None) -> int:
    """How many mini-batches a block holds.

    Args:
        asked: What the user asked for. "auto" is 5,000 images' worth where blocks are known to give the parameters of
            single steps, else 1, with a line that says why.
        batch_size: Images in a mini-batch.
        model: What trains, in the hands of its Trainer; None where that is not known, and then "auto" is 1.

    Raises:
        ValueError: if a number greater than 1 was asked for where single steps are needed.
    """
    if asked == 1 or (asked == "auto" and model is None):
        return 1
    obstacle = _obstacle(model)
    if asked != "auto":
        check_number(asked, obstacle)
        return asked
    if obstacle:
        say_once(f"steps_per_execution auto is 1 here: {obstacle} needs mini-batches one by one")
        return 1
    return max(1, AUTO_BLOCK_IMAGES // batch_size)


def check_number(steps: int, obstacle: str | None) -> None:
    """Refuse blocks of so many mini-batches where there is an obstacle.

    Raises:
        ValueError: if there is one.
    """
    if obstacle:
        raise ValueError(f"{obstacle} needs mini-batches one by one; got steps_per_execution {steps}: use 1, or auto")


def _obstacle(model: LightningModule | None) -> str | None:
    if model is None:
        return None
    return model.obstacle_to_blocks() if isinstance(model, TrainsInBlocks) else f"the model {type(model).__name__}"


@cache
@rank_zero_only
def say_once(line: str) -> None:
    """Print a line, once of all processes and of all trainings in this one."""
    print(line)
