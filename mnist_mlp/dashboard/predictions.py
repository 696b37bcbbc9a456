"""What the trained network gets right and wrong."""

from collections.abc import Callable
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
from mnist_mlp.training.classifier import NUM_CLASSES, MLPClassifier
from mnist_mlp.training.evaluation import logits_of

SHOWN_IMAGES = 30


class Predictions(Panel):
    """After the training mistakes, confusion matrix, precision and recall, reliability."""

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
        outputs: The output activation, shape (n, 10): probabilities, where it is softmax or sigmoid.
    """

    images: UInt8[Tensor, "n pixels"]
    labels: Int[Tensor, "n"]
    outputs: Float[Tensor, "n 10"]

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
    return split, Classified(loader.dataset.tensors[0].cpu(), labels.cpu(), outputs.float().cpu())


def show_what_is_right(writer: SummaryWriter, split: str, seen: Classified, step: int) -> None:
    """Write pictures of mistakes, of what is right, and the confusion matrix."""
    if (mistakes := draw_mistakes(seen)) is not None:
        caption = "Mistakes that the network was surest of: the digit it says, the true digit, and how sure it was"
        add_picture(writer, f"{split}/mistakes", mistakes, caption, step)
    if (right := draw_right(seen)) is not None:
        caption = "Images that the network gets right: the digit, and how sure it was"
        add_picture(writer, f"{split}/right", right, caption, step)
    confusions = draw_confusions(count_confusions(seen.labels, seen.predicted, NUM_CLASSES))
    caption = "Confusion matrix: how many images of each true digit (row) the network took for each digit (column)"
    add_picture(writer, f"{split}/confusions", confusions, caption, step)


def show_how_reliable(writer: SummaryWriter, split: str, seen: Classified, step: int) -> None:
    """Write the reliability diagram, the calibration error, and the curves of precision and recall."""
    measured = calibration(seen.outputs.amax(dim=1), seen.right)
    caption = (
        "Reliability: accuracy (bars) by confidence; they are equal on the diagonal, and red is how far apart they are"
    )
    add_picture(writer, f"{split}/reliability", draw_reliability(measured), caption, step)
    writer.add_scalar(f"{split}/calibration_error", measured.error, step)
    for digit in range(NUM_CLASSES):
        tag = f"{split}/precision_recall_{digit}"
        writer.add_pr_curve(tag, seen.labels == digit, seen.outputs[:, digit], step)


def draw_mistakes(seen: Classified) -> Picture | None:
    """The mistakes that the network was surest of, the worst first; None where there is none."""
    wrong = (~seen.right).nonzero().flatten()
    order = seen.outputs[wrong].amax(dim=1).argsort(descending=True)
    return _draw_chosen(seen, wrong[order][:SHOWN_IMAGES], lambda true, said: f"{said}, not {true}")


def draw_right(seen: Classified) -> Picture | None:
    """The first three of each class that are right; None where none is."""
    of_classes = (((seen.labels == digit) & seen.right).nonzero().flatten() for digit in range(NUM_CLASSES))
    chosen = torch.cat([indices[: SHOWN_IMAGES // NUM_CLASSES] for indices in of_classes])
    return _draw_chosen(seen, chosen, lambda true, said: f"{said}")


def _draw_chosen(seen: Classified, chosen: Int[Tensor, "m"], words: Callable[[int, int], str]) -> Picture | None:
    if len(chosen) == 0:
        return None
    labels, predicted, sure = seen.labels[chosen], seen.predicted[chosen], seen.outputs[chosen].amax(dim=1)
    said = zip(labels.tolist(), predicted.tolist(), sure.tolist(), strict=True)
    captions = [f"{words(true, guess)}\n{confidence:.3f}" for true, guess, confidence in said]
    return draw_captioned(seen.images[chosen].float() / 255, captions)
