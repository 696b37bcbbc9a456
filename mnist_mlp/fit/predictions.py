"""What a network says of images: gathered from all processes, and written as a table into a file."""

import csv
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mnist_mlp.console.percent import percent
from mnist_mlp.data.module import MNISTDataModule


def of_all_processes(probabilities: Float[Tensor, "share classes"], world_size: int) -> Float[Tensor, "n classes"]:
    """What all processes of a run predict, in the order of the images, of which process r of w has every w-th.

    Args:
        probabilities: What this process predicts, of its share of the images.
        world_size: w, the number of processes. They all have to call this, and all get the same.
    """
    if world_size == 1:
        return probabilities
    shares = [probabilities] * world_size
    torch.distributed.all_gather_object(shares, probabilities.cpu())
    together = torch.empty(sum(map(len, shares)), probabilities.shape[1])
    for rank, share in enumerate(shares):
        together[rank::world_size] = share
    return together


def write_table(probabilities: Float[Tensor, "n classes"], data: MNISTDataModule, folder: Path) -> str:
    """Write what a network says of the validation images, or of Kaggle's images without labels; what there is to say.

    Args:
        probabilities: What it says of the first n of them.
        data: Whose images they are.
        folder: Where predictions.csv, or submission.csv, is written.
    """
    if data.source.read_unlabelled:
        path = folder / "submission.csv"
        write_submission(path, probabilities, data.class_names)
        return f"{len(probabilities):,} images without labels · {path}"
    path, labels = folder / "predictions.csv", data.val_images.labels[: len(probabilities)]
    accuracy = write_predictions(path, data.val_start, labels, probabilities, data.class_names)
    return f"{len(labels):,} validation images, {percent(accuracy)} right · {path}"


def write_predictions(
    path: Path,
    first: int,
    labels: Int[Tensor, "n"],
    probabilities: Float[Tensor, "n classes"],
    class_names: Sequence[str],
) -> float:
    """Write a row for each image: its index among the training images, its class, the network's, its probability.

    Args:
        path: The CSV file.
        first: The index of the first image.
        labels: What the images are.
        probabilities: What the network says.
        class_names: The names of the classes.

    Returns:
        The accuracy, a fraction.
    """
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["index", "label", "predicted", "probability"])
        for i, (label, row) in enumerate(zip(labels.tolist(), probabilities, strict=True), start=first):
            names = (class_names[label], class_names[int(row.argmax())])
            writer.writerow([i, *names, f"{row.max().item():.4f}"])
    return (probabilities.argmax(dim=1) == labels).float().mean().item()


def write_submission(path: Path, probabilities: Float[Tensor, "n classes"], class_names: Sequence[str]) -> None:
    """Write what Kaggle's "Digit Recognizer" takes: the number of each image, from 1, and the class it is said to be.

    Args:
        path: The CSV file.
        probabilities: What the network says of the images without labels, in their order.
        class_names: The names of the classes.
    """
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ImageId", "Label"])
        for i, row in enumerate(probabilities, start=1):
            writer.writerow([i, class_names[int(row.argmax())]])
