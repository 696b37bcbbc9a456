"""What a panel is: a callback that shows something of a network between its epochs, never between its steps."""

import io
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from PIL import Image
from tensorboard.compat.proto import summary_pb2
from tensorboard.plugins.image.metadata import PLUGIN_NAME
from torch.utils.tensorboard.writer import SummaryWriter
from typing_extensions import override

from mnist_mlp.dashboard.pictures import Picture
from mnist_mlp.data.device_loader import DeviceLoader
from mnist_mlp.data.module import MNISTDataModule
from mnist_mlp.training.classifier import MLPClassifier

Charts = Mapping[str, Sequence[str]]


class Panel(Callback):
    """What one file of this folder adds to a run's event file.

    The first paragraph of its docstring is the help of its switch, which is named in the table of
    `mnist_mlp.dashboard.panels`. What it draws, it writes by `add_picture`, with a caption.

    Attributes:
        charts: By title, the tags (or regular expressions of them) whose curves belong together.
        results: The tags whose last values stand beside the hyper-parameters.
    """

    charts: ClassVar[Charts] = {}
    results: ClassVar[Sequence[str]] = ()

    def charts_of(self, model: MLPClassifier) -> Charts:
        """Its charts of this network."""
        return self.charts

    @override
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """See that the images are those of `MNISTDataModule`, before anything is trained."""
        data_of(trainer)


def writer_of(trainer: Trainer) -> SummaryWriter | None:
    """TensorBoard's event file, if this process writes one."""
    loggers = [logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]
    return loggers[0].experiment if loggers and trainer.is_global_zero else None


def data_of(trainer: Trainer) -> MNISTDataModule:
    """The data module that is trained on.

    Raises:
        ValueError: if it is none of ours.
    """
    data = getattr(trainer, "datamodule", None)
    if not isinstance(data, MNISTDataModule):
        raise _needs_ours(data)
    return data


def loader_of(trainer: Trainer) -> DeviceLoader:
    """The loader of the images that train, in which a panel looks them up.

    Raises:
        ValueError: if it is none of ours.
    """
    loader = trainer.train_dataloader
    if not isinstance(loader, DeviceLoader):
        raise _needs_ours(loader)
    return loader


def _needs_ours(other: object) -> ValueError:
    got = "none" if other is None else type(other).__name__
    return ValueError(
        f"the dashboard needs MNISTDataModule and its loader; got {got}: let train_dataloader be that of "
        "MNISTDataModule, or switch the panels off, --dashboard.enabled false"
    )


def shown_images(data: MNISTDataModule) -> tuple[str, DeviceLoader]:
    """The images whose predictions are shown: those that validate, or where there are none those that train.

    Returns:
        "val" or "train", and a loader of all of them, which the processes of a distributed run do not share here.
    """
    split = "val" if data.val_size else "train"
    loader = data.evaluation_loader(split)
    loader.batch_sampler.rank, loader.batch_sampler.world_size = 0, 1
    return split, loader


def add_picture(writer: SummaryWriter, tag: str, picture: Picture, caption: str, step: int) -> None:
    """Write a picture as PNG, compressed quickly rather than well, with its caption.

    Args:
        writer: The event file.
        tag: The name of the picture, the same at each step.
        picture: Its pixels.
        caption: What it shows, one sentence without a full stop, the same at each step: TensorBoard's description of
            the tag, and the caption in `mnist-mlp report`.
        step: The mini-batches that were trained on before.
    """
    png = io.BytesIO()
    Image.fromarray(picture).save(png, "png", compress_level=1)
    height, width, _ = picture.shape
    proto = cast(Any, summary_pb2)
    metadata = proto.SummaryMetadata(
        display_name=tag,
        summary_description=caption,
        plugin_data=proto.SummaryMetadata.PluginData(plugin_name=PLUGIN_NAME),
        data_class=proto.DATA_CLASS_BLOB_SEQUENCE,  # without which TensorBoard's fast loader drops the description
    )
    image = proto.Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=png.getvalue())
    value = proto.Summary.Value(tag=tag, image=image, metadata=metadata)
    cast(Any, writer.file_writer).add_summary(proto.Summary(value=[value]), step)
