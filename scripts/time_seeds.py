"""Time networks that are trained at once.

python scripts/time_seeds.py [CONFIG] [--seeds N] [--epochs N] [--repeats N] [--own-rates]

Trains the configuration with N seeds, at once and one after another, in alternation, and prints the medians, with
reading the images and measuring, their ratio, and the largest difference between the parameters that the two give.
With --own-rates each network also has 0.9 times the learning rate of the one before.
"""

import argparse
import time
from pathlib import Path
from statistics import median
from typing import Any

from mnist_mlp.console.quiet import quiet
from mnist_mlp.fit import prepare
from mnist_mlp.fit.at_once import prepare_all, train_at_once
from mnist_mlp.fit.settings import laid_over, read_settings
from mnist_mlp.reproduction.epoch_curves import Curves

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("config", nargs="?", default="configs/published/nielsen-ch1-30.yaml")
parser.add_argument("--seeds", type=int, default=8, metavar="N")
parser.add_argument("--epochs", type=int, default=5, metavar="N")
parser.add_argument("--repeats", type=int, default=5, metavar="N")
parser.add_argument("--own-rates", action="store_true")
options = parser.parse_args()
trainer = {"max_epochs": options.epochs, "logger": False, "enable_progress_bar": False, "enable_checkpointing": False}
settings = read_settings(Path(options.config))
rate = settings["model"]["optimizer"]["init_args"]["lr"]


def training(seed: int) -> dict[str, Any]:
    """The settings of one network."""
    own = {"lr": rate * 0.9**seed} if options.own_rates else {}
    return laid_over(
        settings, {"seed_everything": seed, "trainer": trainer, "model": {"optimizer": {"init_args": own}}}
    )


together, in_turn, difference = [], [], 0.0
for _ in range(options.repeats):
    sessions, generators = prepare_all(map(training, range(options.seeds)))
    started = time.perf_counter()
    train_at_once(sessions, generators, [Curves(["val"]).add_epoch for _ in sessions])
    together.append(time.perf_counter() - started)

    seconds = 0.0
    for seed, together_with_others in enumerate(sessions):
        alone = prepare("fit", **training(seed))
        started = time.perf_counter()
        with quiet():
            alone.execute()
        seconds += time.perf_counter() - started
        for one, other in zip(alone.model.parameters(), together_with_others.model.parameters(), strict=True):
            difference = max(difference, (one - other).abs().max().item())
    in_turn.append(seconds)
for name, times in (("at once", together), ("one after another", in_turn)):
    middle, low, high = (seconds / options.epochs for seconds in (median(times), min(times), max(times)))
    print(f"{options.seeds} networks {name}: {middle:.2f} s an epoch ({low:.2f} - {high:.2f})")
print(f"ratio {median(in_turn) / median(together):.2f}, largest difference of a parameter {difference:.1g}")
