"""The vanishing gradient: errors shrink on their way down through sigmoids, and less or not at all through rectifiers.

||delta^l||, layer by layer, of networks with one to five hidden layers before they are trained. Each layer multiplies
the error by its weights and by sigma'(z), which is at most 1/4 for the sigmoid, and 0 or 1 for the rectifier.
(Nielsen, ch. 5; the initializers: Glorot and Bengio, 2010; He et al., 2015.)
"""

import torch
from lesson import new_figure, read_digits, run
from matplotlib.figure import Figure

from mnist_mlp import MLP
from mnist_mlp.network.gradient_health import probe

DEPTHS, WIDTH, IMAGES = (1, 2, 3, 4, 5), 30, 1000
KINDS = (("sigmoid", "xavier"), ("relu", "xavier"), ("relu", "he"))


def lesson(seed: int) -> tuple[dict[str, float], Figure]:
    """The norms of both kinds, for each depth."""
    _, x, labels = read_digits(IMAGES)
    numbers: dict[str, float] = {}
    figure = new_figure(11, 3.8)
    for axes, (activation, initializer) in zip(figure.subplots(1, 3, sharey=True), KINDS, strict=True):
        for depth in DEPTHS:
            torch.manual_seed(seed)
            mlp = MLP([784, *[WIDTH] * depth, 10], activation, "cross_entropy", initializer)
            norms = probe(mlp, x, labels).error_norms()[:-1]
            numbers |= {
                f"{activation} {initializer} {depth}.{layer}": norm for layer, norm in enumerate(norms, start=1)
            }
            colour = (0.16, 0.43, 0.65, 0.3 + 0.14 * depth)
            axes.semilogy(range(1, depth + 1), norms, "o-", color=colour, label=f"{depth} hidden")
        norms = [numbers[f"{activation} {initializer} 5.{layer}"] for layer in range(1, 6)]
        print(
            f"{activation:7} {initializer:6} five hidden layers, from the first: "
            + ", ".join(f"{norm:.2g}" for norm in norms)
            + f"; the first has {norms[0] / norms[-1]:.2g} of the last"
        )
        axes.set(title=f"{activation}, initializer {initializer}", xlabel="hidden layer l", xticks=DEPTHS)
        axes.grid(color="#eeeeee")
    figure.axes[0].set_ylabel("norm of each image's delta, mean")
    figure.axes[0].legend(frameon=False, fontsize=8)
    return numbers, figure


if __name__ == "__main__":
    run(lesson, __doc__)
