"""Networks that nobody trained, for what does not depend on their weights."""

import torch

from mnist_mlp import MLP, TrainedNetwork


def untrained(sizes=(784, 6, 10), class_names=None, mean=0.0, std=1.0, output_shift=0.0, **settings):
    """A network with random weights and biases, always the same."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        mlp = MLP(sizes, **settings).eval()
        for bias in mlp.biases:
            torch.nn.init.normal_(bias)
        mlp.biases[-1].data.add_(output_shift)
    names = class_names or tuple(map(str, range(sizes[-1])))
    return TrainedNetwork(mlp, names, mean, std)


def random_images(n=5):
    return torch.randint(256, (n, 28, 28), generator=torch.Generator().manual_seed(4), dtype=torch.uint8)
