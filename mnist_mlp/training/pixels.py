"""The pixels that a network wants: shifted and scaled by numbers that belong to it, as its weights do."""

from typing import Any

from jaxtyping import Float
from lightning import LightningModule
from torch import Tensor

from mnist_mlp.data.device_loader import DeviceLoader, NormalizedBatch
from mnist_mlp.data.module import MNISTDataModule
from mnist_mlp.torch_internals import is_traced

Batch = tuple[Float[Tensor, "batch *shape"], Tensor]
AS_THEY_ARE = (0.0, 1.0)
BRIGHTEST = 10.0  # what noise, or more contrast, may make of a pixel of 1; the digits of scikit-learn go to 16


class NormalizesPixels(LightningModule):
    """A LightningModule that knows by which mean and standard deviation the pixels of its images are normalized.

    `MNISTDataModule(normalize=True)` measures them when the network is first trained. From then on they are the
    network's: its checkpoints hold them, and whatever data it is shown is normalized by them.

    Attributes:
        pixel_statistics: Mean and standard deviation, of pixels in [0, 1]; None before the first training.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pixel_statistics: tuple[float, float] | None = None

    def take_statistics(self) -> None:
        """Take those that the images which train now are normalized by, if the network has none."""
        loader = self.trainer.train_dataloader
        if self.pixel_statistics is None:
            own = isinstance(loader, DeviceLoader)
            self.pixel_statistics = (loader.mean, loader.std) if own else AS_THEY_ARE

    def save_statistics(self, checkpoint: dict[str, Any]) -> None:
        """Write them into a checkpoint, if there are any; and what it must know of a subclass's data, as of ours."""
        if self.pixel_statistics:
            checkpoint["pixel_statistics"] = list(self.pixel_statistics)
        data = getattr(self.trainer, "datamodule", None)
        if isinstance(data, MNISTDataModule):
            checkpoint.setdefault(MNISTDataModule.__qualname__, data.state_dict())

    def load_statistics(self, checkpoint: dict[str, Any]) -> None:
        """Take those of a checkpoint; older ones hold them as the data module's."""
        data = checkpoint.get(MNISTDataModule.__qualname__, {})
        stored = checkpoint.get("pixel_statistics") or (data.get("mean"), data.get("std"))
        if None not in stored:
            self.pixel_statistics = tuple(stored)

    def normalized(self, images: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch pixels"]:
        """Images of any shape, pixels in [0, 1], as rows that the network takes.

        Raises:
            ValueError: if they were normalized already, or go from 0 to 255.
        """
        x = images.flatten(1) if images.dim() > 2 else images
        mean, std = self.pixel_statistics or AS_THEY_ARE
        is_normalizing = (mean, std) != AS_THEY_ARE
        if x.numel() and not is_traced(x):
            _check_bytes(x)
            if is_normalizing and x.min() < 0:
                raise ValueError(
                    f"pixels must lie in [0, 1], since the network normalizes them by its mean {mean:.4f} and standard "
                    f"deviation {std:.4f}; got {x.min().item():.4f}: give normalized ones to its mlp"
                )
        if not is_normalizing:
            return x
        return (x - mean).div_(std)

    def rows_of(self, batch: Batch | Tensor) -> Float[Tensor, "batch pixels"]:
        """The images of a batch, with or without labels, as rows that the network takes.

        Those of `MNISTDataModule` are normalized already.
        """
        if isinstance(batch, NormalizedBatch):
            return batch.x
        return self.normalized(batch if isinstance(batch, Tensor) else batch[0])


def _check_bytes(x: Float[Tensor, "batch pixels"]) -> None:
    """See that pixels are not those of 0 to 255, as bytes or as floats. Where one is negative, others normalized them.

    Raises:
        ValueError: if they are.
    """
    if not x.is_floating_point():
        raise ValueError(f"pixels must be floating-point, in [0, 1]; got {x.dtype}: divide bytes by 255")
    least, largest = x.aminmax()
    if least >= 0 and largest > BRIGHTEST:
        raise ValueError(f"pixels must lie in [0, 1]; got {largest.item():g}: divide bytes by 255")
