"""The gradient is cheap: forward and backward pass together take at most four times the forward pass.

The forward pass is one matrix product for each layer, the backward pass two: one for the weights, one for the error of
the layer before, which the first layer doesn't need. So by products it is two times for one hidden layer, and up to
three for many. The bound counts operations; here it is measured in time. (Austin.)
"""

import torch
from lesson import BLUE, new_figure, run
from matplotlib.figure import Figure

from mnist_mlp.benchmark.gradient_time import time_gradient
from mnist_mlp.benchmark.workloads import Workload

WIDTHS, DEPTHS, BATCH, REPEATS = (30, 100, 300, 1000), (1, 2, 3), 50, 40


def lesson(seed: int) -> tuple[dict[str, float], Figure]:
    """The ratio over widths and depths, medians."""
    torch.manual_seed(seed)
    figure = new_figure(7, 4)
    axes = figure.subplots()
    numbers: dict[str, float] = {}
    for depth in DEPTHS:
        ratios = []
        for width in WIDTHS:
            workload = Workload(
                "", (width,) * depth, "sigmoid", "quadratic", "scaled", batch_size=BATCH, learning_rate=0.1
            )
            ratios.append(time_gradient(workload, "cpu", REPEATS).manual_ratio)
            numbers[f"{depth} x {width}"] = ratios[-1]
        print(f"{depth} hidden: " + ", ".join(f"{w} wide {r:.2f}" for w, r in zip(WIDTHS, ratios, strict=True)))
        axes.semilogx(WIDTHS, ratios, "o-", color=BLUE, alpha=0.35 + 0.3 * (depth - 1), label=f"{depth} hidden")
    print(f"largest: {max(numbers.values()):.2f}")
    axes.axhline(4, color="black", linestyle=":", label="the bound")
    axes.set_xticks(WIDTHS, [str(width) for width in WIDTHS])
    axes.set(
        title="Gradient and function, by function", xlabel="width of the hidden layers", ylabel="times", ylim=(0, 4.5)
    )
    axes.legend(frameon=False)
    return numbers, figure


if __name__ == "__main__":
    run(lesson, __doc__)
