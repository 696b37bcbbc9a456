"""Outputs that saturate at 0 in the first mini-batches learn late or never: chapter 1 with 100 hidden neurons.

Twenty networks 784-100-10 with large weights, the quadratic cost and a learning rate of 3, those of chapter 1, are
trained at once. Nine images of ten want an output to be 0. So the first 50 mini-batches push all outputs down, many of
them to a z where sigma'(z) is below 1e-3: there the error (a - y) sigma'(z) of the tenth image is nearly 0, and further
pushes take them deeper. Weights that are `scaled`, or cross-entropy, whose error has no sigma'(z), cure it.
(Nielsen, ch. 1, "Implementing our network to classify digits", and ch. 3, "The cross-entropy cost function".)
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from lesson import BLUE, GREY, ORANGE, new_figure, read_digits, run
from matplotlib.figure import Figure
from torch import Tensor

from mnist_mlp import MLP
from mnist_mlp.bare_loop.after_step import after_each_step
from mnist_mlp.bare_loop.block import BareLoop
from mnist_mlp.equations import ACTIVATIONS
from mnist_mlp.network.stack import MLPStack

NETWORKS, BATCH, POINTS, STEPS_BETWEEN = 20, 10, 40, 50
VARIANTS = {
    "quadratic, large weights": ("quadratic", "large", 3.0),
    "quadratic, scaled weights": ("quadratic", "scaled", 3.0),
    "cross-entropy, large weights": ("binary_cross_entropy", "large", 0.5),
}
SIGMOID = ACTIVATIONS["sigmoid"]


class Outputs(NamedTuple):
    """What became of the output of each digit, in each network.

    Attributes:
        slopes: The mean sigma'(z) of the digit's images, at equal distances of the training.
        stuck: Whether it is below 1/2 for 98 of 100 of them, at the end.
    """

    slopes: Float[Tensor, "points networks digits"]
    stuck: Bool[Tensor, "networks digits"]


@torch.no_grad()
def train(seed: int, cost: str, initializer: str, rate: float) -> Outputs:
    """Train networks, and look at their outputs meanwhile."""
    _, x, labels = read_digits(50_000)
    _, x_unseen, labels_unseen = read_digits(2_000, train=False)
    torch.manual_seed(seed)
    sizes = [784, 100, 10]
    networks = [MLP(sizes, "sigmoid", cost, initializer, gradients="manual") for _ in range(NETWORKS)]
    stack = MLPStack(networks)
    loop = BareLoop(stack)
    after_step = after_each_step(stack, torch.optim.SGD(stack.parameters(), lr=rate))

    def outputs() -> Float[Tensor, "networks digits images"]:
        a = torch.stack([SIGMOID.function(mlp(x_unseen)) for mlp in networks])
        return a.mT.where(labels_unseen == torch.arange(10)[:, None], torch.nan)  # each for its own digit

    slopes = []
    for _ in range(POINTS):
        a = outputs()
        slopes.append((a * (1 - a)).nanmean(dim=-1))
        chosen = torch.randint(len(x), (STEPS_BETWEEN, NETWORKS, BATCH))
        loop.train(x[chosen], labels[chosen], after_step)
    a = outputs()
    return Outputs(torch.stack(slopes), (a > 0.5).sum(dim=-1) < 0.02 * (~a.isnan()).sum(dim=-1))


def lesson(seed: int) -> tuple[dict[str, float], Figure]:
    """The recipe of chapter 1, and its two cures."""
    numbers: dict[str, float] = {}
    figure = new_figure(11, 3.8)
    left, right = figure.subplots(1, 2)
    steps = [STEPS_BETWEEN * point for point in range(POINTS)]
    for name, recipe in VARIANTS.items():
        slopes, stuck = train(seed, *recipe)
        outputs, in_networks = int(stuck.sum()), int(stuck.any(dim=1).sum())
        numbers |= {f"{name}: outputs": outputs, f"{name}: networks": in_networks}
        said = f"{outputs}, in {in_networks} networks"
        print(f"{name:29} stuck outputs: {said}")
        right.bar_label(right.barh(name, outputs, color=GREY), [said], padding=3)
        if name == "quadratic, large weights":
            for label, chosen, colour in (("stick", stuck, ORANGE), ("learn", ~stuck, BLUE)):
                low, middle, high = slopes[:, chosen].quantile(torch.tensor([0.1, 0.5, 0.9]), dim=1)
                numbers |= {f"{label}: at the start": middle[0].item(), f"{label}: at the end": middle[-1].item()}
                left.plot(steps, middle, color=colour, label=f"outputs that {label}")
                left.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
    first, last = numbers["stick: at the start"], numbers["stick: at the end"]
    print(f"sigma'(z) of stuck outputs, the median: {first:.2f} at the start, {last:.0e} at the end")
    left.set(title="sigma'(z) for the output's own digit", xlabel="mini-batches", ylabel="sigma'(z), median, and 80 %")
    left.set_yscale("log")
    left.legend(frameon=False)
    right.set(title=f"Stuck outputs, of {10 * NETWORKS}", xlabel="outputs", ylabel="cost, first weights")
    right.set_xlim(0, 10 * NETWORKS)
    right.invert_yaxis()
    return numbers, figure


if __name__ == "__main__":
    run(lesson, __doc__)
