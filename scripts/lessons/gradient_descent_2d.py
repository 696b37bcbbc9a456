"""Gradient descent in a landscape: the path over two parameters, with a learning rate too small, right, too large.

The cost of a line through points depends on its slope and its intercept alone, so that it can be drawn (contours of
log C). A step of eta ||grad C|| against the gradient should lower the cost by eta ||grad C||^2: the first-order
prediction, which holds where steps are small. (Austin; Nielsen, ch. 1, eq. 9 to 12.)
"""

from itertools import pairwise

import torch
from lesson import BLUE, new_figure, run
from matplotlib.figure import Figure
from torch import Tensor

from mnist_mlp.equations import backpropagate, cost_named, feedforward

RATES = {"too small": 0.02, "right": 0.4, "too large": 1.75}
STEPS, START = 25, (-1.5, 2.5)
COST = cost_named("quadratic", "identity")


def descend(x: Tensor, y: Tensor, rate: float) -> tuple[list[tuple[float, float]], list[float], float]:
    """The path, the cost along it, and the decrease of the first step, by the predicted one."""
    w, b = torch.tensor([[START[0]]], dtype=x.dtype), torch.tensor([START[1]], dtype=x.dtype)
    path, costs, predicted = [START], [], 0.0
    for step in range(STEPS + 1):
        z, trace = feedforward(x, [w], [b], [])
        costs.append(COST.value(z, y).item())
        nabla_w, nabla_b, _ = backpropagate(COST.output_error(z, y), [w], [], trace)
        if step == 0:
            predicted = -rate * (nabla_w[0].square().sum() + nabla_b[0].square().sum()).item()
        w, b = w - rate * nabla_w[0], b - rate * nabla_b[0]
        path.append((w.item(), b.item()))
    return path[:-1], costs, (costs[1] - costs[0]) / predicted


def lesson(seed: int) -> tuple[dict[str, float], Figure]:
    """Three descents from the same start, over the contours of the cost."""
    draw = torch.Generator().manual_seed(seed)
    x = 2 * torch.rand(40, 1, generator=draw, dtype=torch.float64) - 0.6
    y = 1.2 * x + 0.5 + 0.2 * torch.randn(40, 1, generator=draw, dtype=torch.float64)
    slopes, intercepts = torch.meshgrid(
        torch.linspace(-2.5, 4, 80, dtype=torch.float64),
        torch.linspace(-2.5, 3.5, 80, dtype=torch.float64),
        indexing="xy",
    )
    surface = (slopes.flatten() * x + intercepts.flatten() - y).square().mean(dim=0).view(80, 80) / 2

    numbers: dict[str, float] = {}
    figure = new_figure(11, 3.9)
    for axes, (name, rate) in zip(figure.subplots(1, 3, sharey=True), RATES.items(), strict=True):
        path, costs, ratio = descend(x, y, rate)
        numbers |= {f"{name}: first": costs[0], f"{name}: last": costs[-1], f"{name}: ratio": ratio}
        numbers[f"{name}: rises"] = sum(after > before for before, after in pairwise(costs))
        print(
            f"rate {rate:<4} ({name}): cost {costs[0]:.3f} -> {costs[-1]:.3g} in {STEPS} steps; "
            f"the first step lowers it by {ratio:.2f} times what the gradient predicts"
        )
        axes.contour(slopes, intercepts, surface.log(), levels=18, cmap="Greys_r", linewidths=0.7)
        axes.plot(*zip(*path, strict=True), "o-", color=BLUE, markersize=3.5, linewidth=1)
        axes.set(title=f"learning rate {rate}: {name}", xlabel="slope", xlim=(-2.5, 4), ylim=(-2.5, 3.5))
    figure.axes[0].set_ylabel("intercept")
    for rate in (1e-2, 1e-3, 1e-4):
        numbers[f"ratio at {rate:g}"] = ratio = descend(x, y, rate)[2]
        print(f"rate {rate:g}: the first step lowers the cost by {ratio:.5f} times what the gradient predicts")
    return numbers, figure


if __name__ == "__main__":
    run(lesson, __doc__)
