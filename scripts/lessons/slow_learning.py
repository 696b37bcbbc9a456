"""A neuron that is badly wrong learns slowly under the quadratic cost, and fast under cross-entropy.

Both costs start from the same saturated sigmoid: input 1, weight and bias 2, and 0 is wanted. The quadratic cost's
error is (a - y) sigma'(z), and sigma'(z) is nearly 0 there; in that of cross-entropy the factor has cancelled.
(Nielsen, ch. 3, "The cross-entropy cost function".)
"""

import torch
from lesson import BLUE, ORANGE, new_figure, run
from matplotlib.figure import Figure

from mnist_mlp.equations import ACTIVATIONS, backpropagate, cost_named, feedforward

START, RATE, STEPS = 2.0, 0.15, 300
COSTS = {"quadratic": BLUE, "binary_cross_entropy": ORANGE}
SIGMOID = ACTIVATIONS["sigmoid"]


def train(name: str) -> dict[str, list[float]]:
    """What the neuron gives, its error delta, and sigma'(z), step by step."""
    x, y, cost = torch.tensor([[1.0]]), torch.tensor([[0.0]]), cost_named(name)
    w, b = torch.tensor([[START]]), torch.tensor([START])
    series: dict[str, list[float]] = {"a": [], "delta": [], "slope": []}
    for _ in range(STEPS):
        z, trace = feedforward(x, [w], [b], [])
        delta = cost.output_error(z, y)
        a = SIGMOID.function(z)
        for key, value in (("a", a), ("delta", delta), ("slope", SIGMOID.derivative(a))):
            series[key].append(value.item())
        nabla_w, nabla_b, _ = backpropagate(delta, [w], [], trace)
        w, b = w - RATE * nabla_w[0], b - RATE * nabla_b[0]
    return series


def lesson(seed: int) -> tuple[dict[str, float], Figure]:
    """The two costs from the same start."""
    numbers: dict[str, float] = {}
    figure = new_figure()
    left, right = figure.subplots(1, 2)
    for name, colour in COSTS.items():
        series = train(name)
        half = next((step for step, a in enumerate(series["a"]) if a < 0.5), STEPS)
        numbers |= {f"{name}: half": half, f"{name}: delta": series["delta"][0], f"{name}: last": series["a"][-1]}
        numbers["slope"] = series["slope"][0]
        print(
            f"{name:20} first error {series['delta'][0]:.4f}; output below 1/2 after {half} steps, and "
            f"{series['a'][-1]:.3f} at the end"
        )
        left.plot(series["a"], color=colour, label=name)
        right.plot(series["delta"], color=colour, label=name)
    print(f"sigma'(z) at the start: {numbers['slope']:.4f}, the factor between the first errors of the two costs")
    left.set(title="Output of the neuron; 0 is wanted", xlabel="step", ylabel="a", ylim=(0, 1))
    right.set(title="Its error", xlabel="step", ylabel="delta", ylim=(0, None))
    left.legend(frameon=False, loc="center")
    return numbers, figure


if __name__ == "__main__":
    run(lesson, __doc__)
