"""Regression by one hidden layer of rectifiers, one pair (x, y) at a time: how it starts decides whether it learns.

d inputs, m rectifiers, a linear output, the cost 1/2 (y - F(x))^2, stochastic gradient descent. Weights drawn with the
variance 1/n_in of their layer learn. Weights that are all 0 cannot: every hidden activation is 0, and so is what BP2
sends back, so that only the last bias moves, to the mean of y. (Morse's network; L2: Nielsen, ch. 3; dropout: Hinton.)
"""

import torch
from lesson import BLUE, GREY, ORANGE, new_figure, run
from matplotlib.figure import Figure
from torch import Tensor

from mnist_mlp import MLP

D, M, PAIRS, EPOCHS, RATE = 5, 40, 400, 12, 0.02
VARIANTS = {
    "variance 1/n": {"initializer": "scaled"},
    "all 0": {"initializer": "zeros"},
    "L2": {"initializer": "scaled", "l2": 2e-3},
    "dropout": {"initializer": "scaled", "dropout": 0.1},
}


def pairs(n: int, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """Points, and a function of them with noise."""
    x = torch.randn(n, D, generator=draw)
    y = torch.sin(x[:, :1]) + 0.5 * x[:, 1:2] * x[:, 2:3].relu() + 0.1 * torch.randn(n, 1, generator=draw)
    return x, y


def train(seed: int, initializer: str, l2: float = 0.0, dropout: float = 0.0) -> tuple[list[float], MLP, float]:
    """The test cost after each epoch, the network, and how far its hidden weights have moved."""
    draw = torch.Generator().manual_seed(seed)
    (x, y), (x_test, y_test) = pairs(PAIRS, draw), pairs(1000, draw)
    torch.manual_seed(seed)
    mlp = MLP([D, M, 1], "relu", "quadratic", initializer, "identity", dropout, gradients="manual")
    start = mlp.weights[0].detach().clone()
    optimizer = torch.optim.SGD(mlp.parameters(), lr=RATE)
    costs = []
    for epoch in range(EPOCHS + 1):
        mlp.eval()
        costs.append(mlp.loss(mlp(x_test), y_test).item())
        mlp.train()
        if epoch == EPOCHS:
            break
        for i in torch.randperm(PAIRS, generator=draw).tolist():
            optimizer.zero_grad()
            mlp.penalized(mlp.loss(mlp(x[i : i + 1]), y[i : i + 1]), l1_strength=0.0, l2_strength=l2).backward()
            optimizer.step()
    return costs, mlp.eval(), (mlp.weights[0] - start).abs().max().item()


def lesson(seed: int) -> tuple[dict[str, float], Figure]:
    """Four trainings that differ in how they start, or in what holds them back."""
    numbers: dict[str, float] = {}
    figure = new_figure(7, 4)
    axes = figure.subplots()
    for (name, settings), colour in zip(VARIANTS.items(), (BLUE, GREY, ORANGE, "#55a868"), strict=True):
        costs, mlp, moved = train(seed, **settings)
        size = torch.cat([w.flatten() for w in mlp.weights]).norm().item()
        numbers |= {name: costs[-1], f"{name}: moved": moved, f"{name}: norm": size}
        print(
            f"{name:12}  test cost {costs[0]:.3f} -> {costs[-1]:.3f};  hidden weights moved by at most {moved:.3f}, "
            f"norm of all {size:.2f}"
        )
        axes.plot(costs, "o-", color=colour, markersize=3, label=name)
    y_test = pairs(1000, torch.Generator().manual_seed(seed + 1))[1]
    numbers["variance"] = variance = (y_test - y_test.mean()).square().mean().item() / 2
    axes.axhline(variance, color="black", linestyle=":", linewidth=1, label="cost of the mean of y")
    axes.set(title=f"{D}-{M}-1 rectifiers, one pair at a time", xlabel="epoch", ylabel="test cost", ylim=(0, None))
    axes.legend(frameon=False)
    return numbers, figure


if __name__ == "__main__":
    run(lesson, __doc__)
