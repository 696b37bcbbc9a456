"""Measure what a configuration reaches: python scripts/measure.py CONFIG [--seeds N] [--checkpoint best|last].

Trains once for each seed 0 ... N - 1, reads the test set once for each network, and prints a row of Markdown:
mean and standard deviation of the test accuracy, and the median training time.
"""

import argparse
from statistics import mean, median, stdev

from mnist_mlp.fit import prepare

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("config")
parser.add_argument("--seeds", type=int, default=3, metavar="N", help="how many seeds (default: 3)")
parser.add_argument("--checkpoint", choices=["best", "last"], default="best", help="which epoch (default: best)")
options = parser.parse_args()

accuracies, seconds = [], []
for seed in range(options.seeds):
    session = prepare("fit", options.config, seed_everything=seed, trainer={"enable_progress_bar": False})
    session.execute()
    seconds.append(session.seconds)
    path = f"{session.trainer.log_dir}/checkpoints/{options.checkpoint}.ckpt"
    (metrics,) = session.trainer.test(session.model, session.datamodule, ckpt_path=path, verbose=False)
    accuracies.append(metrics["test/acc"] * 100)
    print(f"seed {seed}: {accuracies[-1]:.2f} %, {seconds[-1]:.1f} s", flush=True)

spread = f"{stdev(accuracies):.2f}" if len(accuracies) > 1 else "-"
print(
    f"| {options.config} | {options.checkpoint} epoch | {len(accuracies)} | "
    f"{mean(accuracies):.2f} % | {spread} | {min(accuracies):.2f} - {max(accuracies):.2f} % | {median(seconds):.0f} s |"
)
