"""Measure how well real handwriting is read: python scripts/measure_handwriting.py FOLDER CHECKPOINT.

The folder holds pictures and a `labels.csv` with the columns file and label, several digits in reading order. A picture
is right if what is found in it is read as exactly that. Prints a row of Markdown each for pictures of one digit, of
several, and for photographs drawn from the first 1,000 test images: dark ink on unevenly lit paper, noisy, shifted,
JPEG; then the time for a picture of 1,200 x 900. The network is one trained on 28x28 images without normalization.
"""

import argparse
import csv
import io
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch
from PIL import Image

from mnist_mlp import MLPClassifier, MNISTDataModule
from mnist_mlp.handwriting import find_digits

PHOTOS, HEIGHT, WIDTH = 1000, 300, 400


def read(network: MLPClassifier, images: list[np.ndarray]) -> str:
    """The classes of images, uint8 (28, 28), as digits one after the other."""
    if not images:
        return ""
    x = torch.from_numpy(np.stack(images)).flatten(1).float() / 255
    with torch.no_grad():
        return "".join(str(label) for label in network(x).argmax(dim=1).tolist())


def photograph(image: np.ndarray, rng: np.random.Generator, scale: int = 1) -> bytes:
    """A JPEG of (300, 400) times a scale that shows a test image, uint8 (28, 28), as dark ink on a sheet of paper."""
    height, width = HEIGHT * scale, WIDTH * scale
    side = int(rng.integers(120, 220)) * scale
    top, left = rng.integers(height - side), rng.integers(width - side)
    ink = np.zeros((height, width))
    enlarged = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
    ink[top : top + side, left : left + side] = np.asarray(enlarged) / 255
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)
    a, b, c = rng.uniform(-35, 35, 3)
    paper = rng.uniform(150, 215) + a * x + b * y + c * (x**2 - y**2) / 2
    noise = rng.normal(0, rng.uniform(2, 8), ink.shape)
    grey = (paper * (1 - rng.uniform(0.4, 0.8) * ink) + noise).clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(grey).convert("RGB").save(file, "JPEG", quality=int(rng.integers(50, 90)))
    return file.getvalue()


def main() -> None:
    """Read the command line, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("checkpoint")
    options = parser.parse_args()
    network = MLPClassifier.load_from_checkpoint(options.checkpoint, map_location="cpu").eval()

    with (options.folder / "labels.csv").open(newline="") as file:
        labels = {row["file"]: row["label"] for row in csv.DictReader(file)}
    right: dict[bool, list[bool]] = {True: [], False: []}
    for name, label in labels.items():
        found = read(network, [digit.image for digit in find_digits(options.folder / name)])
        right[len(label) == 1].append(found == label)
        if found != label:
            print(f"{name}: {label} was read as {found or 'nothing'}")
    print("| pictures | n | right |\n| --- | --- | --- |")
    for kind, results in (("one digit", right[True]), ("several digits", right[False])):
        print(f"| {kind} | {len(results)} | {100 * sum(results) / max(1, len(results)):.1f} % |")

    data = MNISTDataModule()
    data.prepare_data()
    data.setup("test")
    images = data.test_images.images[:PHOTOS].reshape(-1, 28, 28).numpy()
    truth = "".join(map(str, data.test_images.labels[:PHOTOS].tolist()))
    rng = np.random.default_rng(0)
    found = [read(network, [digit.image for digit in find_digits(photograph(image, rng))]) for image in images]
    for kind, results in (("test images", read(network, list(images))), ("the same as photographs", found)):
        share = 100 * float(np.mean([is_ == was for is_, was in zip(results, truth, strict=True)]))
        print(f"| {kind} | {len(results)} | {share:.1f} % |")

    large = [photograph(image, rng, scale=3) for image in images[:20]]
    seconds = []
    for picture in large:
        started = time.perf_counter()
        find_digits(picture)
        seconds.append(time.perf_counter() - started)
    print(f"a picture of {3 * WIDTH:,} x {3 * HEIGHT}: {1000 * median(seconds):.0f} ms (median of {len(seconds)})")


if __name__ == "__main__":
    main()
