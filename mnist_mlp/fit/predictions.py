"""What a network says of the validation images, as a table in a file."""

import csv
from pathlib import Path

from jaxtyping import Float, Int
from torch import Tensor


def write_predictions(
    path: Path, first: int, labels: Int[Tensor, "n"], probabilities: Float[Tensor, "n classes"]
) -> float:
    """Write a row for each image: its index among the training images, its class, the network's, its probability.

    Args:
        path: The CSV file.
        first: The index of the first image.
        labels: What the images are.
        probabilities: What the network says.

    Returns:
        The accuracy, a fraction.
    """
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["index", "label", "predicted", "probability"])
        for i, (label, row) in enumerate(zip(labels.tolist(), probabilities, strict=True), start=first):
            writer.writerow([i, label, row.argmax().item(), f"{row.max().item():.4f}"])
    return (probabilities.argmax(dim=1) == labels).float().mean().item()
