"""What a network says of images, as a table in a file."""

import csv
from collections.abc import Sequence
from pathlib import Path

from jaxtyping import Float, Int
from torch import Tensor


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
