"""`MNISTDataModule`: honest splits, and a loader whose data lives on the training device."""

from collections.abc import Iterable
from typing import Any

import torch
from lightning import LightningDataModule
from torch.nn import functional as F
from typing_extensions import override

from mnist_mlp.data.block_length import StepsPerExecution, steps_in_a_block
from mnist_mlp.data.device_loader import DeviceLoader
from mnist_mlp.data.distortions import NO_DISTORTION, Augmentation
from mnist_mlp.data.drawn_digits import drawn_digits
from mnist_mlp.data.idx_files import data_folder
from mnist_mlp.data.images import DIGITS, IMAGE_SIZE, LabelledImages, pixel_statistics
from mnist_mlp.data.order import DistributedBatchSampler, EpochSampler
from mnist_mlp.data.recognition import name_of
from mnist_mlp.data.sources import find_source
from mnist_mlp.lightning_internals.hyper_parameters import PlainHyperparameters, settings_shown
from mnist_mlp.lightning_internals.loader_classes import restored_after_an_error
from mnist_mlp.plain_values import plain

EVALUATION_BATCH_SIZE = 1000
SHARE_THAT_VALIDATES = 6  # one in six: 10,000 of MNIST's 60,000
NO_LABEL = -1


class MNISTDataModule(PlainHyperparameters, LightningDataModule):
    """MNIST or other images, split into training, validation and test images.

    The first images of the training file train, its last `val_size` validate, the official test file tests and
    does nothing else. Predictions are made of the validation images, or of those that have no labels, where the data
    set has such (Kaggle's).

    Args:
        dataset: mnist, fashion_mnist, kmnist, digits (scikit-learn's, which need no download), emnist_letters and its
            kin, qmnist, usps; or the path of a file or a folder, whose kind is recognised: IDX files, Keras's
            mnist.npz, Nielsen's mnist.pkl.gz, Kaggle's train.csv, Parquet files, a folder of pictures for each class.
        data_dir: The folder that holds `MNIST/raw/` and its kin; by default the environment variable
            MNIST_MLP_DATA_DIR, else the user's cache folder.
        batch_size: Training images in a mini-batch, for each process of a distributed run.
        val_size: How many of the last training images validate; with 0 all train. By default those that the data set
            sets aside itself, which are put last, as Nielsen's 10,000 are; else a sixth, which are MNIST's last 10,000.
        train_size: Train on this many of the first images only; by default on all that do not validate.
        drawn_digits: Train on so many more digits, which are drawn by this program, with strokes as people write them
            (`mnist_mlp.data.drawn_digits`).
        normalize: Whether pixels in [0, 1] are shifted and scaled to mean 0 and standard deviation 1. Both are measured
            when a network is first trained, on the images that train it, and are then used for all images that it is
            shown.
        shuffle: Whether each epoch has a new order; else every epoch goes from the first image to the last.
        augmentation: How training images are distorted, in another way in each epoch; by default they are not.
        image_size: Height and width in pixels; where it is more than 28, background is added below and at the right.
        seed: What the order of the batches, and the distortions, are drawn from, together with the epoch.
        steps_per_execution: How many mini-batches Lightning hands to `MLPClassifier` at a time. More than 1 is faster
            and gives the same parameters, bit for bit. "auto" takes 5,000 images at a time where this is known to be
            the same, and else 1, and says why: for another model, say, or for a callback that acts after each
            mini-batch (`mnist_mlp.training.block_obstacles`).

    Attributes:
        source: Where the images come from.
        dataset_name: What they are called, once they were read: mnist only where they are MNIST's.
        val_size: How many images validate; None until they were read, if it was not given.

    Raises:
        ValueError: if an argument is not one of these, a size does not fit the data set, or what lies at a path cannot
            be read.
    """

    def __init__(
        self,
        dataset: str = "mnist",
        data_dir: str | None = None,
        batch_size: int = 100,
        val_size: int | None = None,
        train_size: int | None = None,
        drawn_digits: int = 0,
        normalize: bool = False,
        shuffle: bool = True,
        augmentation: Augmentation = NO_DISTORTION,
        image_size: int = IMAGE_SIZE,
        seed: int = 0,
        steps_per_execution: StepsPerExecution = 1,
    ) -> None:
        super().__init__()
        batch_size, val_size, train_size, drawn_digits = plain((batch_size, val_size, train_size, drawn_digits))
        normalize, shuffle, image_size, seed = plain((normalize, shuffle, image_size, seed))
        dataset, steps_per_execution = plain((dataset, steps_per_execution))
        for name, value, smallest in (
            ("batch_size", batch_size, 1),
            ("val_size", 0 if val_size is None else val_size, 0),
            ("train_size", 1 if train_size is None else train_size, 1),
            ("drawn_digits", drawn_digits, 0),
            ("image_size", image_size, IMAGE_SIZE),
            ("seed", seed, 0),
            ("steps_per_execution", 1 if steps_per_execution == "auto" else steps_per_execution, 1),
        ):
            if value < smallest:
                raise ValueError(f"{name} must be an integer of at least {smallest}; got {value}")
        self.save_hyperparameters(ignore="augmentation")
        self.dataset = dataset
        self.data_dir = data_folder(data_dir)
        self.source = find_source(dataset, self.data_dir)
        self.dataset_name = self.source.name
        self.batch_size = batch_size
        self.val_size = val_size
        self.train_size = train_size
        self.drawn_digits = drawn_digits
        self.normalize = normalize
        self.shuffle = shuffle
        self.augmentation = augmentation
        self.image_size = image_size
        self.seed = seed
        self.steps_per_execution: StepsPerExecution = steps_per_execution
        self.mean, self.std = 0.0, 1.0
        if drawn_digits and self.class_names != DIGITS:
            raise ValueError(
                f"drawn_digits must be 0 where the classes are not the ten digits; got {drawn_digits:,} for {dataset}"
            )
        if any(label >= self.num_classes for label in augmentation.halved_for):
            raise ValueError(
                f"halved_for must hold classes 0 ... {self.num_classes - 1}; got {augmentation.halved_for}"
            )

    @override
    def __repr__(self) -> str:
        parts = {"train": "train", "validate": "val", "test": "test"}
        images = {verb: getattr(self, f"{name}_images", None) for verb, name in parts.items()}
        read = [f"{len(each.labels):,} {verb}" for verb, each in images.items() if each]
        return f"{settings_shown(self)}: {', '.join(read) or 'not read yet'}"

    __str__ = __repr__

    @property
    def class_names(self) -> tuple[str, ...]:
        """The name of each class."""
        return self.source.class_names

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    @override
    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must know to make inputs from pictures without this module, in plain numbers and lists."""
        return {"mean": self.mean, "std": self.std, "class_names": [*self.class_names], "dataset": self.dataset_name}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Check that a network's classes are those of the images that it is shown, and normalize by its numbers.

        Raises:
            ValueError: if they are others.
        """
        stored = state_dict["class_names"]
        if stored != [*self.class_names]:
            raise ValueError(
                f"the checkpoint's classes are {', '.join(stored)}, and those of {self.dataset_name} are "
                f"{', '.join(self.class_names)}; give the --data.dataset that it was trained on"
            )
        self.mean, self.std = state_dict["mean"], state_dict["std"]

    def prepare_data(self) -> None:
        """Download the files that are missing."""
        self.source.download()

    def setup(self, stage: str | None = None) -> None:
        """Read and split the files; those of the test set only where `stage` is "test" or None."""
        parts = []
        if stage in (None, "test"):
            parts.append(self.source.read(False))
            self.test_images = self._padded(parts[0])
        statistics = self._statistics_of_the_network()
        if stage != "test" or (self.normalize and not statistics):
            parts.append(self.source.read(True))
            self._split(self._padded(parts[-1]))
        if statistics:
            self.mean, self.std = statistics
        self.dataset_name = name_of(self.source, parts)
        if stage == "predict" and self.source.read_unlabelled:
            images = self.source.read_unlabelled()
            labels = torch.full((len(images),), NO_LABEL)
            self.unlabelled_images = self._padded(LabelledImages(images, labels))
        if stage in (None, "fit") and self.batch_size > len(self.train_images.labels):
            raise ValueError(
                f"batch_size must be at most the {len(self.train_images.labels):,} images that train; "
                f"got {self.batch_size:,}"
            )

    def _statistics_of_the_network(self) -> tuple[float, float] | None:
        """Mean and standard deviation that the network was trained with, where it is in a Trainer, and was trained."""
        model = self.trainer and self.trainer.lightning_module
        return getattr(model, "pixel_statistics", None)

    def _padded(self, data: LabelledImages) -> LabelledImages:
        added = self.image_size - IMAGE_SIZE
        if not added:
            return data
        padded = F.pad(data.images.view(-1, IMAGE_SIZE, IMAGE_SIZE), (0, added, 0, added))
        return LabelledImages(padded.flatten(1), data.labels)

    def _split(self, data: LabelledImages) -> None:
        n = len(data.labels)
        if self.val_size is None:
            self.val_size = self.source.val_size or max(1, n // SHARE_THAT_VALIDATES)
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
        if self.drawn_digits:
            drawn = self._padded(drawn_digits(self.drawn_digits))
            self.train_images = LabelledImages(*map(torch.cat, zip(self.train_images, drawn, strict=True)))
        self.val_images = LabelledImages(data.images[num_left:], data.labels[num_left:])
        if self.normalize:
            self.mean, self.std = pixel_statistics(self.train_images.images)

    def train_dataloader(self) -> DeviceLoader:
        """Shuffled mini-batches of the training images; `Trainer(overfit_batches=...)` keeps their order.

        Raises:
            ValueError: if the model, or its training, needs single steps, and `steps_per_execution` is another number.
        """
        overfits = getattr(self.trainer, "overfit_batches", 0) > 0
        model = self.trainer and self.trainer.lightning_module
        with restored_after_an_error():
            steps = steps_in_a_block(self.steps_per_execution, self.batch_size, model)
        shuffle = self.shuffle and not overfits
        return self._loader(self.train_images, self.batch_size, shuffle, steps, self.augmentation)

    def val_dataloader(self) -> DeviceLoader | list[DeviceLoader]:
        """The validation images in their order, or no loader where there are none."""
        return self.evaluation_loader("val") if self.val_size else []

    def test_dataloader(self) -> DeviceLoader:
        """The test images in their order."""
        return self.evaluation_loader("test")

    def predict_dataloader(self) -> DeviceLoader | list[DeviceLoader]:
        """The images that have no labels, or where there are none those that validate: tests are for `test` alone."""
        if self.source.read_unlabelled:
            return self.evaluation_loader("unlabelled")
        if not self.val_size:
            raise ValueError("predictions are made of the validation images, and val_size is 0; give --data.val_size")
        return self.val_dataloader()

    def evaluation_loader(self, split: str) -> DeviceLoader:
        """The images of a split, train, val, test or unlabelled, in their order and as they are."""
        return self._loader(getattr(self, f"{split}_images"), EVALUATION_BATCH_SIZE)

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
        if world_size > len(data.labels):
            raise ValueError(
                f"{world_size} processes cannot share {len(data.labels)} images of {self.dataset_name}; "
                f"use at most {len(data.labels)}, see --trainer.devices"
            )
        order = EpochSampler(len(data.labels), self.seed, shuffle)
        batches = DistributedBatchSampler(order, batch_size, rank, world_size)
        return DeviceLoader(data, batches, device, self.mean, self.std, steps, augmentation)


def prepare_data(data: Iterable[tuple[str, str | None]]) -> None:
    """See that a machine has the images of trainings; what is missing is downloaded.

    Args:
        data: Data sets, each with the folder it lies in, as `MNISTDataModule` takes them.

    Raises:
        ValueError: if a path leads to none.
        OSError: if they are not there, and cannot be fetched.
    """
    for dataset, data_dir in data:
        MNISTDataModule(dataset, data_dir).prepare_data()
