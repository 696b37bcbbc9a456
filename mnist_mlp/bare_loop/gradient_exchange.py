"""The mean of the gradients of several processes."""

import os
import tempfile
from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn

SHARED_MEMORY = "/dev/shm"  # a folder of Linux; elsewhere there is none


class GradientExchange:
    """Makes the gradients of this process the mean of those of all processes: one all-reduce of one flat buffer.

    The mean is the same in all of them to the last bit, and so are the parameters that are updated with it. Processes
    of one machine sum in memory that they share: gloo would send all of it through the network's software.

    Source: Li et al., 2020, "PyTorch Distributed", section 3.2, which this does in a single bucket.

    Args:
        parameters: Those whose gradients are exchanged, in the same order in all processes; frozen ones are left out.
        on_one_machine: Whether all processes run on this machine.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], on_one_machine: bool) -> None:
        self.parameters = [parameter for parameter in parameters if parameter.requires_grad]
        self.share = 1 / dist.get_world_size()
        self.mean = self.parameters[0].new_empty(sum(parameter.numel() for parameter in self.parameters))
        self.shared = shared_sum(self.mean) if on_one_machine and self.mean.device.type == "cpu" else None
        self._means = self._parts(self.mean)
        self._places = [self._parts(place) for place in self.shared.own] if self.shared else [self._means]

    @torch.no_grad()
    def __call__(self) -> None:
        """Wait for the gradients of the other processes, and make the means the `grad` of the parameters."""
        for parameter, place in zip(self.parameters, self._places[self.shared.turn if self.shared else 0], strict=True):
            if parameter.grad is None:  # the parameter took no part
                place.zero_()
            else:
                torch.mul(parameter.grad, self.share, out=place)
        if self.shared:
            self.shared.sum(out=self.mean)
        else:
            dist.all_reduce(self.mean)
        for parameter, mean in zip(self.parameters, self._means, strict=True):
            parameter.grad = mean

    def _parts(self, flat: Tensor) -> list[Tensor]:
        """What belongs to each parameter, in its shape, and in its order, in which fused optimizers read it."""
        parts = flat.split([parameter.numel() for parameter in self.parameters])
        return [
            part.as_strided(parameter.shape, torch.empty_like(parameter).stride())
            for part, parameter in zip(parts, self.parameters, strict=True)
        ]


class SharedSum:
    """The sum of a vector of each process of this machine, in memory that they share.

    Each writes into a place of its own, and reads all places once all have written. There are two sets of places, which
    take turns: who writes into one has waited for all others, and they have read it by then.

    Args:
        path: A file in memory, of two vectors for each process.
        like: A vector of the same length and dtype.

    Attributes:
        turn: The set of places that is written next, 0 or 1.
        own: The place of this process in each set.
    """

    def __init__(self, path: str, like: Tensor) -> None:
        shape = torch.Size((2, dist.get_world_size(), len(like)))
        self._places = torch.from_file(path, shared=True, size=shape.numel(), dtype=like.dtype).view(shape)
        self._signal = torch.zeros(1)
        self.turn, self.own = 0, self._places[:, dist.get_rank()]

    def sum(self, out: Tensor) -> None:
        """Wait until all have written, and add up: in the order of the processes, so that all get the same bits."""
        self.wait()
        torch.sum(self._places[self.turn], dim=0, out=out)
        self.turn = 1 - self.turn

    def wait(self) -> None:
        """Wait for all other processes; where one has ended, gloo raises an error."""
        dist.all_reduce(self._signal)


def shared_sum(like: Tensor) -> SharedSum | None:
    """A sum of vectors of this length in memory that all processes share, or None where they cannot share so much."""
    is_first = dist.get_rank() == 0
    size = 2 * dist.get_world_size() * like.numel() * like.element_size()
    (path,) = paths = [_file_of(size) if is_first else None]
    dist.broadcast_object_list(paths)
    all_see_it = torch.tensor(float(paths[0] is not None and os.path.exists(paths[0])))
    dist.all_reduce(all_see_it, op=dist.ReduceOp.MIN)  # two containers of one machine may have memories of their own
    found = SharedSum(paths[0], like) if paths[0] and all_see_it else None
    if found:
        found.wait()  # nobody needs the name any more, and the memory is given back when the last process ends
    if path:
        os.unlink(path)
    return found


def _file_of(size: int) -> str | None:
    """A file of so many bytes in memory, or None."""
    try:
        file, path = tempfile.mkstemp(prefix="mnist-mlp-", dir=SHARED_MEMORY)
    except OSError:
        return None
    try:
        os.posix_fallocate(file, 0, size)
    except OSError:  # without it, a write would end this process where the memory is full
        os.unlink(path)
        return None
    finally:
        os.close(file)
    return path
