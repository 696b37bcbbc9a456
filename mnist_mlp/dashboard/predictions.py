"""What the trained network gets right and wrong."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import torch
from jaxtyping import Bool, Float, Int, UInt8
from lightning import LightningModule, Trainer
from torch import Tensor
from torch.utils.tensorboard.writer import SummaryWriter
from typing_extensions import override

from mnist_mlp.dashboard.panel import Panel, add_picture, data_of, shown_images, writer_of
from mnist_mlp.dashboard.pictures import (
    Picture,
    calibration,
    count_confusions,
    draw_captioned,
    draw_confusions,
    draw_reliability,
)
from mnist_mlp.data.module import MNISTDataModule
from mnist_mlp.training.classifier import MLPClassifier
from mnist_mlp.training.evaluation import logits_of

SHOWN_IMAGES = 30


class Predictions(Panel):
    """After the training: mistakes, confusion matrix, precision and recall, reliability."""

    @override
    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        writer, model, step = writer_of(trainer), cast(MLPClassifier, pl_module), trainer.global_step
        if writer is None:
            return
        split, seen = classify(model, data_of(trainer))
        show_what_is_right(writer, split, seen, step)
        if model.mlp.cost.says_probabilities:
            show_how_reliable(writer, split, seen, step)


class Classified(NamedTuple):
    """Images and what a network says of them.

    Attributes:
        images: Grey values, shape (n, pixels).
        labels: Their classes, shape (n,).
        outputs: The output activation, shape (n, classes): probabilities, where it is softmax or sigmoid.
        names: Those of the classes.
    """

    images: UInt8[Tensor, "n pixels"]
    labels: Int[Tensor, "n"]
    outputs: Float[Tensor, "n classes"]
    names: Sequence[str]

    @property
    def predicted(self) -> Int[Tensor, "n"]:
        """The class with the largest output of each image."""
        return self.outputs.argmax(dim=1)

    @property
    def right(self) -> Bool[Tensor, "n"]:
        """Whether that is its own class."""
        return self.predicted == self.labels


def classify(model: MLPClassifier, data: MNISTDataModule) -> tuple[str, Classified]:
    """Classify the validation images, or where there are none those that train; which of both, "val" or "train"."""
    split, loader = shown_images(data)
    logits, labels = logits_of(model, loader)
    outputs = model.mlp.cost.output_activation(logits)
    names = [*data.class_names, *map(str, range(data.num_classes, outputs.shape[1]))]  # of outputs without images
    return split, Classified(loader.dataset.tensors[0].cpu(), labels.cpu(), outputs.float().cpu(), names)


def show_what_is_right(writer: SummaryWriter, split: str, seen: Classified, step: int) -> None:
    """Write pictures of mistakes, of what is right, and the confusion matrix."""
    if (mistakes := draw_mistakes(seen)) is not None:
        caption = "Mistakes that the network was surest of: the class it says, the true one, and how sure it was"
        add_picture(writer, f"{split}/mistakes", mistakes, caption, step)
    if (right := draw_right(seen)) is not None:
        caption = "Images that the network gets right: the class, and how sure it was"
        add_picture(writer, f"{split}/right", right, caption, step)
    confusions = draw_confusions(count_confusions(seen.labels, seen.predicted, len(seen.names)), seen.names)
    caption = "Confusion matrix: how many images of each true class (row) the network took for each class (column)"
    add_picture(writer, f"{split}/confusions", confusions, caption, step)


def show_how_reliable(writer: SummaryWriter, split: str, seen: Classified, step: int) -> None:
    """Write the reliability diagram, the calibration error, and the curves of precision and recall."""
    measured = calibration(seen.outputs.amax(dim=1), seen.right)
    caption = (
        "Reliability: accuracy (bars) by confidence; they are equal on the diagonal, and red is how far apart they are"
    )
    add_picture(writer, f"{split}/reliability", draw_reliability(measured), caption, step)
    writer.add_scalar(f"{split}/calibration_error", measured.error, step)
    for label, name in enumerate(seen.names):
        tag = f"{split}/precision_recall_{name.replace('/', '-')}"  # a slash would make a group of its own
        writer.add_pr_curve(tag, seen.labels == label, seen.outputs[:, label], step)


def draw_mistakes(seen: Classified) -> Picture | None:
    """The mistakes that the network was surest of, the worst first; None where there is none."""
    wrong = (~seen.right).nonzero().flatten()
    order = seen.outputs[wrong].amax(dim=1).argsort(descending=True)
    short = max(map(len, seen.names)) <= 2
    words = "{}, not {}" if short else "{}\nnot {}"
    return _draw_chosen(seen, wrong[order][:SHOWN_IMAGES], lambda true, said: words.format(said, true))


def draw_right(seen: Classified) -> Picture | None:
    """The first of each class that are right, three of ten classes; None where none is."""
    of_classes = (((seen.labels == label) & seen.right).nonzero().flatten() for label in range(len(seen.names)))
    chosen = torch.cat([indices[: max(1, SHOWN_IMAGES // len(seen.names))] for indices in of_classes])
    return _draw_chosen(seen, chosen, lambda true, said: f"{said}")


def _draw_chosen(seen: Classified, chosen: Int[Tensor, "m"], words: Callable[[str, str], str]) -> Picture | None:
    if len(chosen) == 0:
        return None
    labels, predicted, sure = seen.labels[chosen], seen.predicted[chosen], seen.outputs[chosen].amax(dim=1)
    said = zip(labels.tolist(), predicted.tolist(), sure.tolist(), strict=True)
    names = seen.names
    captions = [f"{words(names[int(true)], names[int(guess)])}\n{confidence:.3f}" for true, guess, confidence in said]
    return draw_captioned(seen.images[chosen].float() / 255, captions)
