"""`MNISTDataModule`: honest splits, and a loader whose data lives on the training device."""

from collections.abc import Iterator
from math import ceil, isqrt
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from lightning import LightningDataModule
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from mnist_mlp.data.datasets import DATASETS, IDX_DATASETS, LabelledImages, default_data_dir, download, read_dataset
from mnist_mlp.data.distortions import NO_DISTORTION, Augmentation
from mnist_mlp.training.blocks import StepsPerExecution, steps_in_a_block

EVALUATION_BATCH_SIZE = 1000
IMAGE_SIZE = 28


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

        Args:
            device: Where the indices are wanted.
            steps: A block ends where the number of batches before it is a multiple of this. A last batch of another
                size is a block of its own.
            start: The number of batches to leave out.
        """
        share = self.sampler.permutation()[self.rank :: self.world_size].to(device)
        num_full = len(self) if len(share) == len(self) * self.batch_size else len(self) - 1
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
        Pairs (x, labels): x float32 of shape (batch, pixels), labels int64 of shape (batch,); or, in blocks, of the
        shapes (steps, batch, pixels) and (steps, batch).
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

    def __iter__(self) -> Iterator[tuple[Float32[Tensor, "*steps batch pixels"], Int64[Tensor, "*steps batch"]]]:
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
            yield (x, y) if self.steps_per_execution > 1 else (x[0], y[0])

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
        for i, (x, digits) in enumerate(zip(xs, labels, strict=True)):
            generator = self.batch_sampler.sampler.generator(x.device, num_before + i + 1, self.batch_sampler.rank)
            x.copy_(self.augmentation(x.view(-1, size, size), digits, generator).flatten(1))

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


class MNISTDataModule(LightningDataModule):
    """MNIST or one of its kin, split into training, validation and test images.

    The first images of the training file train, its last `val_size` validate, the official test file tests and
    does nothing else. Predictions are made of the validation images.

    Args:
        dataset: mnist, fashion_mnist, kmnist or digits (scikit-learn's, which need no download).
        data_dir: The folder that holds `MNIST/raw/` and its kin; by default the environment variable
            MNIST_MLP_DATA_DIR, else the user's cache folder.
        batch_size: Training images in a mini-batch, for each process of a distributed run.
        val_size: How many of the last training images validate; with 0 all train.
        train_size: Train on this many of the first images only; by default on all that do not validate.
        normalize: Whether pixels in [0, 1] are shifted and scaled to mean 0 and standard deviation 1, measured
            over the images that train.
        shuffle: Whether each epoch has an order of its own; without, all go from the first image to the last.
        augmentation: How training images are distorted, another way in each epoch; by default they are not.
        image_size: Height and width in pixels; where it is more than 28, background is added below and at the right.
        seed: What the order of the batches, and the distortions, are drawn from, together with the epoch.
        steps_per_execution: How many mini-batches a `training_step` of `MLPClassifier` trains on: 1, as Lightning
            knows it, or more, in blocks, which is faster and gives the same parameters bit for bit. "auto" takes 5,000
            images at a time, or single mini-batches where the Trainer's settings need them.

    Raises:
        ValueError: if an argument is not one of these, or a size does not fit the data set.
    """

    def __init__(
        self,
        dataset: str = "mnist",
        data_dir: str | None = None,
        batch_size: int = 100,
        val_size: int = 10_000,
        train_size: int | None = None,
        normalize: bool = False,
        shuffle: bool = True,
        augmentation: Augmentation = NO_DISTORTION,
        image_size: int = IMAGE_SIZE,
        seed: int = 0,
        steps_per_execution: StepsPerExecution = 1,
    ) -> None:
        super().__init__()
        if dataset not in DATASETS:
            raise ValueError(f"dataset must be one of {', '.join(DATASETS)}; got {dataset!r}")
        for name, value, smallest in (
            ("batch_size", batch_size, 1),
            ("val_size", val_size, 0),
            ("train_size", 1 if train_size is None else train_size, 1),
            ("image_size", image_size, IMAGE_SIZE),
            ("seed", seed, 0),
            ("steps_per_execution", 1 if steps_per_execution == "auto" else steps_per_execution, 1),
        ):
            if value < smallest:
                raise ValueError(f"{name} must be an integer of at least {smallest}; got {value}")
        self.save_hyperparameters(ignore="augmentation")
        self.dataset = dataset
        self.data_dir = Path(data_dir) if data_dir else default_data_dir()
        self.batch_size = batch_size
        self.val_size = val_size
        self.train_size = train_size
        self.normalize = normalize
        self.shuffle = shuffle
        self.augmentation = augmentation
        self.image_size = image_size
        self.seed = seed
        self.steps_per_execution: StepsPerExecution = steps_per_execution
        self.mean, self.std = 0.0, 1.0

    def prepare_data(self) -> None:
        """Download the files that are missing."""
        if self.dataset in IDX_DATASETS:
            download(self.dataset, self.data_dir)

    def setup(self, stage: str | None = None) -> None:
        """Read and split the files; those of the test set only where `stage` is "test" or None."""
        if stage in (None, "test"):
            self.test_images = self._read(train=False)
        if stage != "test" or self.normalize:
            self._split(self._read(train=True))
        if stage in (None, "fit") and self.batch_size > len(self.train_images.labels):
            raise ValueError(
                f"batch_size must be at most the {len(self.train_images.labels):,} images that train; "
                f"got {self.batch_size:,}"
            )

    def _read(self, train: bool) -> LabelledImages:
        data = read_dataset(self.dataset, self.data_dir, train)
        added = self.image_size - IMAGE_SIZE
        if not added:
            return data
        padded = F.pad(data.images.view(-1, IMAGE_SIZE, IMAGE_SIZE), (0, added, 0, added))
        return LabelledImages(padded.flatten(1), data.labels)

    def _split(self, data: LabelledImages) -> None:
        n = len(data.labels)
        if self.val_size >= n:
            raise ValueError(
                f"val_size must be less than the {n:,} training images of {self.dataset}; got {self.val_size:,}"
            )
        self.val_start = num_left = n - self.val_size
        train_size = num_left if self.train_size is None else self.train_size
        if train_size > num_left:
            raise ValueError(
                f"train_size must be at most the {num_left:,} images of {self.dataset} that val_size "
                f"{self.val_size:,} leaves; got {train_size:,}"
            )
        self.train_images = LabelledImages(data.images[:train_size], data.labels[:train_size])
        self.val_images = LabelledImages(data.images[num_left:], data.labels[num_left:])
        if self.normalize:
            self.mean, self.std = _pixel_statistics(self.train_images.images)

    def train_dataloader(self) -> DeviceLoader:
        """Shuffled mini-batches of the training images; `Trainer(overfit_batches=...)` keeps their order.

        Raises:
            ValueError: if the Trainer's settings allow no blocks, and `steps_per_execution` asks for them.
        """
        overfits = getattr(self.trainer, "overfit_batches", 0) > 0
        steps = steps_in_a_block(self.steps_per_execution, self.batch_size, self.trainer)
        shuffle = self.shuffle and not overfits
        return self._loader(self.train_images, self.batch_size, shuffle, steps, self.augmentation)

    def val_dataloader(self) -> DeviceLoader | list[DeviceLoader]:
        """The validation images in their order, or no loader where there are none."""
        return self.evaluation_loader("val") if self.val_size else []

    def test_dataloader(self) -> DeviceLoader:
        """The test images in their order."""
        return self.evaluation_loader("test")

    def predict_dataloader(self) -> DeviceLoader | list[DeviceLoader]:
        """The validation images: the test set is for `test` alone."""
        if not self.val_size:
            raise ValueError("predictions are made of the validation images, and val_size is 0; give --data.val_size")
        return self.val_dataloader()

    def evaluation_loader(self, split: str) -> DeviceLoader:
        """The images of a split, train, val or test, in their order and as they are."""
        images = {"train": "train_images", "val": "val_images", "test": "test_images"}[split]
        return self._loader(getattr(self, images), EVALUATION_BATCH_SIZE)

    def _loader(
        self,
        data: LabelledImages,
        batch_size: int,
        shuffle: bool = False,
        steps: int = 1,
        augmentation: Augmentation = NO_DISTORTION,
    ) -> DeviceLoader:
        rank, world_size, device = 0, 1, torch.device("cpu")
        if self.trainer is not None:
            rank, world_size = self.trainer.global_rank, self.trainer.world_size
            device = self.trainer.strategy.root_device
        order = EpochSampler(len(data.labels), self.seed, shuffle)
        batches = DistributedBatchSampler(order, batch_size, rank, world_size)
        return DeviceLoader(data, batches, device, self.mean, self.std, steps, augmentation)


def _pixel_statistics(images: UInt8[Tensor, "n pixels"]) -> tuple[float, float]:
    """Mean and standard deviation of all pixels in [0, 1], from their histogram."""
    counts = torch.bincount(images.flatten(), minlength=256).double()
    values = torch.arange(256, dtype=torch.float64) / 255
    mean = (counts @ values / counts.sum()).item()
    return mean, (counts @ (values - mean).square() / counts.sum()).sqrt().item()
