"""Schedules that torch lacks."""

from collections.abc import Callable

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, SequentialLR


class RisingMomentum(LRScheduler):
    """Momentum that rises along a straight line, and a learning rate that falls by a factor.

    After t steps, epochs say, the momentum is start + (end - start) min(t/total_iters, 1), and the learning rate
    eta gamma^t.

    Args:
        optimizer: One whose momentum is a setting, `torch.optim.SGD` say.
        start: The first momentum, in [0, 1).
        end: The last one, in [0, 1).
        total_iters: The number of steps from the first to the last, at least 1.
        gamma: The factor of the learning rate, larger than 0.
        last_epoch: The last step that was made, -1 for none.

    Raises:
        ValueError: if an argument is not one of these.

    Source: Hinton et al., Improving neural networks by preventing co-adaptation of feature detectors, 2012, appendix A,
    where a step takes the gradient 1 - momentum times, besides.
    """

    cycle_momentum = True  # torch's word for schedulers that move it

    def __init__(
        self,
        optimizer: Optimizer,
        start: float = 0.5,
        end: float = 0.99,
        total_iters: int = 500,
        gamma: float = 1.0,
        last_epoch: int = -1,
    ) -> None:
        if "momentum" not in optimizer.defaults:
            raise ValueError(f"the optimizer must have a momentum; got {type(optimizer).__name__}: use SGD or RMSprop")
        for name, value in (("start", start), ("end", end)):
            if not 0 <= value < 1:
                raise ValueError(f"{name} must lie in [0, 1); got {value}")
        if total_iters < 1:
            raise ValueError(f"total_iters must be at least 1; got {total_iters}")
        if not gamma > 0:
            raise ValueError(f"gamma must be larger than 0; got {gamma}")
        self.start, self.end, self.total_iters, self.gamma = start, end, total_iters, gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float | Tensor]:
        """The learning rates of this step; the momenta are set on the way."""
        share = min(self.last_epoch / self.total_iters, 1)
        for group in self.optimizer.param_groups:
            group["momentum"] = self.start + (self.end - self.start) * share
        return [eta * self.gamma**self.last_epoch for eta in self.base_lrs]


class SchedulesInTurn(SequentialLR):
    """One schedule after the other: torch's SequentialLR, made of schedules without their optimizer.

    So it can be written in a configuration file: a warm-up, say, and then a decay.

    Args:
        optimizer: Whose learning rate is moved.
        schedulers: Torch's schedulers without their optimizer, the first one first.
        milestones: The steps at which the second one begins, the third one, and so on.
        last_epoch: The last step that was made, -1 for none.

    Raises:
        ValueError: if there is not one milestone less than schedulers.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[Callable[[Optimizer], LRScheduler]],
        milestones: list[int],
        last_epoch: int = -1,
    ) -> None:
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"milestones must be one less than schedulers, the steps at which the next one begins; "
                f"got {len(milestones)} for {len(schedulers)} schedulers"
            )
        super().__init__(optimizer, [make(optimizer) for make in schedulers], milestones, last_epoch)
