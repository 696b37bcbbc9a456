"""A neuron that fires or does not: weights, a threshold, and the sigmoid as its smooth approximation.

It fires where the weighted sum of its inputs reaches the threshold theta. Excitatory inputs have positive weights,
inhibitory ones negative weights. With the bias b = -theta it fires where w x + b >= 0. (Austin.)
"""

from itertools import product

import torch
from lesson import BLUE, GREY, ORANGE, new_figure, run
from matplotlib.figure import Figure
from torch import Tensor

from mnist_mlp.equations import ACTIVATIONS, feedforward

GATES = {  # weights, threshold
    "x1 and x2": ([1.0, 1.0], 2.0),
    "x1 or x2": ([1.0, 1.0], 1.0),
    "x1 and not x2": ([1.0, -1.0], 1.0),
}
TRUTH = {
    "x1 and x2": lambda a, b: a and b,
    "x1 or x2": lambda a, b: a or b,
    "x1 and not x2": lambda a, b: a and not b,
}
WEIGHTS, JUMP = (2.0, 10.0, 50.0, 250.0), 0.5


def step(z: Tensor) -> Tensor:
    """1 where the neuron fires."""
    return (z >= 0).float()


def lesson(seed: int) -> tuple[dict[str, float], Figure]:
    """Three gates by thresholds, and the step by steeper and steeper sigmoids."""
    numbers: dict[str, float] = {}
    inputs = torch.tensor(list(product([0.0, 1.0], repeat=2)))
    for name, (w, theta) in GATES.items():
        z, _ = feedforward(inputs, [torch.tensor([w])], [torch.tensor([-theta])], [])
        fires = step(z).flatten()
        expected = torch.tensor([float(TRUTH[name](a, b)) for a, b in inputs.bool().tolist()])
        numbers[name] = (fires == expected).float().mean().item()
        print(f"{name:14}  weights {w}, threshold {theta}, bias {-theta}: for 00, 01, 10, 11 {fires.int().tolist()}")

    figure = new_figure(7, 4)
    axes = figure.subplots()
    x = torch.linspace(0, 1, 2001)
    away = (x - JUMP).abs() > 0.05
    axes.plot(x, step(x - JUMP), color="black", linewidth=2, label=f"step, threshold {JUMP}")
    for w, colour in zip(WEIGHTS, (GREY, BLUE, ORANGE, "#c44e52"), strict=True):
        z, _ = feedforward(x[:, None], [torch.tensor([[w]])], [torch.tensor([-w * JUMP])], [])
        a = ACTIVATIONS["sigmoid"].function(z).flatten()
        numbers[f"gap {w:g}"] = gap = (a - step(x - JUMP))[away].abs().max().item()
        print(f"sigmoid({w:g} (x - {JUMP})): at most {gap:.1e} from the step, further than 0.05 from the jump")
        axes.plot(x, a, color=colour, label=f"sigmoid, weight {w:g}")
    axes.set_xlabel("input x")
    axes.set_ylabel("activation a")
    axes.set_title("The sigmoid of a growing weight becomes a step")
    axes.legend(frameon=False)
    return numbers, figure


if __name__ == "__main__":
    run(lesson, __doc__)
