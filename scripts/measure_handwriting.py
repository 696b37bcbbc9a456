"""Measure how well real handwriting is read: python scripts/measure_handwriting.py FOLDER CHECKPOINT.

The folder holds pictures and a `labels.csv` with the columns file and label, several digits in reading order. A picture
is right if what is found in it is read as exactly that. Prints a row of Markdown each for pictures of one digit, of
several, for the digits whose answer has a probability of 0.9 and more, and for photographs drawn from the first 1,000
test images: dark ink on unevenly lit paper, noisy, shifted, JPEG; then the time for a picture of 1,200 x 900.
"""

import argparse
import csv
import io
import time
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from mnist_mlp import MNISTDataModule, load
from mnist_mlp.handwriting import find_digits
from mnist_mlp.prediction import UNSURE

PHOTOS, HEIGHT, WIDTH = 1000, 300, 400


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
    network = load(options.checkpoint)

    with (options.folder / "labels.csv").open(newline="") as file:
        labels = {row["file"]: row["label"] for row in csv.DictReader(file)}
    right: dict[bool, list[bool]] = {True: [], False: []}
    sure: list[bool] = []
    for name, label in labels.items():
        digits = network.predict(options.folder / name)
        found = "".join(digit.name for digit in digits)
        right[len(label) == 1].append(found == label)
        if len(digits) == len(label):
            sure += [
                digit.name == true for digit, true in zip(digits, label, strict=True) if digit.probability >= UNSURE
            ]
        if found != label:
            print(f"{name}: {label} was read as {found or 'nothing'}")
    print("| pictures | n | right |\n| --- | --- | --- |")
    rows = {
        "one digit": right[True],
        "several digits": right[False],
        f"digits with a probability of {UNSURE} and more": sure,
    }

    data = MNISTDataModule()
    data.prepare_data()
    data.setup("test")
    images = data.test_images.images[:PHOTOS].reshape(-1, 28, 28).numpy()
    truth = list(map(str, data.test_images.labels[:PHOTOS].tolist()))
    names = [network.class_names[i] for i in network.predict_proba(images).argmax(dim=1).tolist()]
    rng = np.random.default_rng(0)
    found = [[digit.name for digit in network.predict(photograph(image, rng))] for image in images]
    rows["test images"] = [name == true for name, true in zip(names, truth, strict=True)]
    rows["the same as photographs"] = [read == [true] for read, true in zip(found, truth, strict=True)]
    for kind, results in rows.items():
        print(f"| {kind} | {len(results):,} | {100 * sum(results) / max(1, len(results)):.1f} % |")

    large = [photograph(image, rng, scale=3) for image in images[:20]]
    for what, function in (("found", find_digits), ("read", network.predict)):
        seconds = []
        for picture in large:
            started = time.perf_counter()
            function(picture)
            seconds.append(time.perf_counter() - started)
        size = f"{3 * WIDTH:,} x {3 * HEIGHT}"
        print(f"a picture of {size} is {what} in {1000 * median(seconds):.0f} ms (median of {len(seconds)})")


if __name__ == "__main__":
    main()
