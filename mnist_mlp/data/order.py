"""The order in which an epoch visits the samples, and the batches of each process."""

from collections.abc import Iterator
from math import ceil

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor


class EpochSampler:
    """The order in which an epoch visits the samples: a permutation drawn from (seed, epoch) alone.

    It depends on nothing else that draws random numbers, so that any epoch can be replayed.

    Args:
        num_samples: n; the order is a permutation of 0 ... n - 1.
        seed: A non-negative integer.
        shuffle: Whether to permute at all; without, every epoch goes from first to last.
    """

    def __init__(self, num_samples: int, seed: int = 0, shuffle: bool = True) -> None:
        self.num_samples = num_samples
        self.seed = seed
        self.shuffle = shuffle
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, counted from 0. Lightning calls this before each."""
        self.epoch = epoch

    def permutation(self) -> Int64[Tensor, "n"]:
        """The indices of this epoch's samples in their order."""
        if not self.shuffle:
            return torch.arange(self.num_samples)
        return torch.randperm(self.num_samples, generator=self.generator(torch.device("cpu")))

    def generator(self, device: torch.device, *others: int) -> torch.Generator:
        """A random generator that is drawn from (seed, epoch) and the other numbers alone."""
        seed = np.random.SeedSequence([self.seed, self.epoch, *others]).generate_state(1, np.uint64).item()
        return torch.Generator(device).manual_seed(seed)


class DistributedBatchSampler:
    """An epoch's order cut into batches, of which each process of a distributed run takes its share.

    Process r of w takes every w-th sample, so that the i-th batches of all processes together are the i-th batch
    of one process with w times the batch size. Shares are disjoint, cover all samples and have the same number
    of batches; where n is no multiple of w, a last batch may be one sample larger than the others.

    Args:
        sampler: The order of the samples. Lightning finds it under this name and sets its epoch.
        batch_size: Samples in a batch of one process.
        rank: r, this process.
        world_size: w, the number of processes, at most n.
    """

    def __init__(self, sampler: EpochSampler, batch_size: int, rank: int = 0, world_size: int = 1) -> None:
        self.sampler = sampler
        self.batch_size = batch_size
        self.rank = rank
        self.world_size = world_size

    def __len__(self) -> int:
        smallest_share = self.sampler.num_samples // self.world_size
        return ceil(smallest_share / self.batch_size)

    def blocks(self, device: torch.device, steps: int = 1, start: int = 0) -> Iterator[Int64[Tensor, "steps batch"]]:
        """The indices of the batches of this process in this epoch, several batches of one size at a time.

        All processes cut their batches into blocks at the same places: in a block they wait for each other.

        Args:
            device: Where the indices are wanted.
            steps: A block ends where the number of batches before it is a multiple of this. A last batch that has
                another size in any process is a block of its own.
            start: The number of batches to leave out.
        """
        share = self.sampler.permutation()[self.rank :: self.world_size].to(device)
        all_full = self.sampler.num_samples == len(self) * self.batch_size * self.world_size
        num_full = len(self) if all_full else len(self) - 1
        full, last = (
            share[: num_full * self.batch_size].view(num_full, self.batch_size),
            share[None, num_full * self.batch_size :],
        )
        while start < num_full:
            end = min(start - start % steps + steps, num_full)
            yield full[start:end]
            start = end
        if start < len(self):
            yield last
