"""A loader whose data set lives on the training device."""

from collections.abc import Iterator
from math import isqrt
from typing import NamedTuple

import torch
from jaxtyping import Float32, Int64
from torch import Tensor
from torch.utils.data import TensorDataset

from mnist_mlp.data.distortions import NO_DISTORTION, Augmentation
from mnist_mlp.data.images import LabelledImages
from mnist_mlp.data.order import DistributedBatchSampler


class Block(NamedTuple):
    """Several mini-batches of one size, to be trained on one after another.

    Attributes:
        xs: The images, float32 of shape (steps, batch, pixels).
        labels: Their classes, int64 of shape (steps, batch).
    """

    xs: Float32[Tensor, "steps batch pixels"]
    labels: Int64[Tensor, "steps batch"]


class NormalizedBatch(NamedTuple):
    """A mini-batch whose pixels are shifted and scaled as the network wants them.

    Attributes:
        x: The images, float32 of shape (batch, pixels).
        labels: Their classes, int64 of shape (batch,).
    """

    x: Float32[Tensor, "batch pixels"]
    labels: Int64[Tensor, "batch"]


class DeviceLoader:
    """A loader that keeps the whole data set on the device as bytes; a batch is an index lookup.

    It stands where a `torch.utils.data.DataLoader` stands, has a length, and resumes in the middle of an epoch.

    Args:
        data: The images and labels.
        batch_sampler: The order of the batches.
        device: Where the data set is kept, and the batches are made.
        mean: Subtracted from the pixels in [0, 1] ...
        std: ... which are then divided by this.
        steps_per_execution: Mini-batches in a block, if more than one. The length is that in mini-batches all the same.
        augmentation: How images are distorted; drawn from (seed, epoch, mini-batch, process) alone.

    Yields:
        A `NormalizedBatch`, which is a pair (x, labels); or where steps_per_execution is more than one a `Block`.
    """

    def __init__(
        self,
        data: LabelledImages,
        batch_sampler: DistributedBatchSampler,
        device: torch.device,
        mean: float = 0.0,
        std: float = 1.0,
        steps_per_execution: int = 1,
        augmentation: Augmentation = NO_DISTORTION,
    ) -> None:
        self.dataset = TensorDataset(data.images.to(device), data.labels.to(device))
        self.batch_sampler = batch_sampler
        self.mean = mean
        self.std = std
        self.steps_per_execution = steps_per_execution
        self.augmentation = augmentation
        self._position = {"epoch": 0, "batch": 0}
        self._resume_at = self._position

    def __len__(self) -> int:
        return len(self.batch_sampler)

    def __iter__(self) -> Iterator[Block | NormalizedBatch]:
        device = self.dataset.tensors[0].device
        epoch = self.batch_sampler.sampler.epoch
        start = self._resume_at["batch"] if self._resume_at["epoch"] == epoch else 0
        self._resume_at = {"epoch": -1, "batch": 0}
        self._position = {"epoch": epoch, "batch": start}
        for block in self.batch_sampler.blocks(device, self.steps_per_execution, start):
            num_before = self._position["batch"]
            self._position["batch"] += len(block)
            x, y = self.look_up(block)
            self.distort(x, y, num_before)
            x = self.normalized(x)
            yield Block(x, y) if self.steps_per_execution > 1 else NormalizedBatch(x[0], y[0])

    def look_up(
        self, indices: Int64[Tensor, "*shape"]
    ) -> tuple[Float32[Tensor, "*shape pixels"], Int64[Tensor, "*shape"]]:
        """The images of these indices, pixels in [0, 1], and their labels."""
        images, labels = self.dataset.tensors
        chosen = indices.flatten()
        x = images.index_select(0, chosen).float().div_(255)
        return x.view(*indices.shape, -1), labels.index_select(0, chosen).view(indices.shape)

    def distort(
        self, xs: Float32[Tensor, "steps batch pixels"], labels: Int64[Tensor, "steps batch"], num_before: int
    ) -> None:
        """Distort mini-batches in place; so many came before them in the epoch.

        Their generators count them from 1: numbers are padded with zeros, and a mini-batch 0 would share the generator
        of the permutation.
        """
        if not self.augmentation.distorts:
            return
        size = isqrt(xs.shape[-1])
        for i, (x, classes) in enumerate(zip(xs, labels, strict=True)):
            generator = self.batch_sampler.sampler.generator(x.device, num_before + i + 1, self.batch_sampler.rank)
            x.copy_(self.augmentation(x.view(-1, size, size), classes, generator).flatten(1))

    def normalized(self, x: Float32[Tensor, "*shape pixels"]) -> Float32[Tensor, "*shape pixels"]:
        """Pixels in [0, 1] shifted and scaled by `mean` and `std`, in place."""
        return x if (self.mean, self.std) == (0, 1) else x.sub_(self.mean).div_(self.std)

    def hand_back(self, num_batches: int) -> None:
        """Say that the last so many mini-batches of a block were not used, and are to come first when resumed."""
        self._position["batch"] -= num_batches

    def state_dict(self) -> dict[str, int]:
        """Where the loader stands: the epoch, and the batches of it that were handed out."""
        return dict(self._position)

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Let the next pass over that epoch begin where `state_dict` was taken."""
        self._resume_at = dict(state)
