"""Time what feeds the network: python scripts/time_loading.py [--repeats N].

Prints the seconds to read and verify all of MNIST, and the loader's share of an epoch of `nielsen-ch1-30`
(5,000 mini-batches of 10), with and without the training, as medians of interleaved repeats.
"""

import argparse
import logging
import time
import warnings
from collections import deque
from collections.abc import Callable
from statistics import median

import torch
from lightning import Trainer

from mnist_mlp import MLPClassifier, MNISTDataModule

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--repeats", type=int, default=5, metavar="N")
options = parser.parse_args()
warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)

data = MNISTDataModule(batch_size=10)
data.prepare_data()


def seconds(work: Callable[[], object]) -> float:
    """How long the work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def train_an_epoch() -> None:
    """One epoch in a Trainer without logger, checkpoints and progress bar."""
    model = MLPClassifier([30], "sigmoid", "quadratic", "large", optimizer=lambda p: torch.optim.SGD(p, lr=3.0))
    Trainer(max_epochs=1, barebones=True).fit(model, data.train_dataloader())


reading, looping, training = [], [], []
for _ in range(options.repeats):
    reading.append(seconds(data.setup))
    looping.append(seconds(lambda: deque(data.train_dataloader(), maxlen=0)))
    training.append(seconds(train_an_epoch))
print(f"read and verify 70,000 images: {median(reading):.2f} s ({min(reading):.2f} - {max(reading):.2f})")
print(f"loader alone, 5,000 batches:   {median(looping):.3f} s ({min(looping):.3f} - {max(looping):.3f})")
print(f"epoch with training:           {median(training):.2f} s ({min(training):.2f} - {max(training):.2f})")
print(f"loader's share of the epoch:   {100 * median(looping) / median(training):.1f} %")
