"""Train a configuration with batch normalization after each hidden layer's weights, which a plain MLP does not have.

python scripts/with_batch_norm.py [CONFIG] [--seeds N] [--epochs N]

Prints the test accuracy of each seed after the last epoch, their mean and standard deviation. By default it takes
`vat-baseline`, whose published figure is that of a network with batch normalization.

Source: Ioffe, Szegedy, Batch Normalization, 2015.
"""

import argparse
import tempfile
from statistics import fmean, stdev

from torch import nn

from mnist_mlp.console.quiet import quiet
from mnist_mlp.fit import prepare
from mnist_mlp.network.mlp import MLP

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("config", nargs="?", default="configs/published/vat-baseline.yaml")
parser.add_argument("--seeds", type=int, default=3, metavar="N")
parser.add_argument("--epochs", type=int, metavar="N", help="instead of the configuration's")
options = parser.parse_args()


def normalize_layers(mlp: MLP) -> None:
    """Let each hidden layer normalize its weighted inputs over the mini-batch."""
    for l, layer in enumerate(mlp.layers[:-1]):
        mlp.layers[l] = nn.Sequential(layer, nn.BatchNorm1d(mlp.sizes[l + 1]))


def trained(seed: int) -> float:
    """The test accuracy in percent of one network."""
    epochs = {"max_epochs": options.epochs} if options.epochs else {}
    with tempfile.TemporaryDirectory() as folder, quiet():
        trainer = {"default_root_dir": folder, "logger": False, "enable_progress_bar": False, **epochs}
        session = prepare("fit", options.config, seed_everything=seed, trainer=trainer)
        normalize_layers(session.model.mlp)
        session.execute()
        (measured,) = session.trainer.test(session.model, session.datamodule, verbose=False)
    return 100 * measured["test/acc"]


accuracies = []
for seed in range(options.seeds):
    accuracies.append(trained(seed))
    print(f"seed {seed}: {accuracies[-1]:.2f} %", flush=True)
if len(accuracies) > 1:
    print(f"mean {fmean(accuracies):.2f} %, sd {stdev(accuracies):.2f}, n = {len(accuracies)}")
