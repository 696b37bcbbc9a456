"""The perceptron on MNIST: ten neurons that fire or do not, and the rule that trains them.

Rosenblatt's rule moves the weights of a neuron by eta (y - a) x, where a is 0 or 1: it learns from its mistakes alone.
With delta = a - y that is BP3 and BP4. The class is that of the neuron with the largest weighted input. The LMD course
trains scikit-learn's `Perceptron`, and gets 89 % of its training images right. What each neuron looks for can be seen
in its weights.
"""

import torch
from lesson import new_figure, read_digits, run
from matplotlib.figure import Figure

from mnist_mlp.dashboard.pictures import diverging
from mnist_mlp.equations.backprop import bias_gradient, feedforward, weight_gradient

IMAGES, EPOCHS, COURSE = 60_000, 3, 0.89


def lesson(seed: int) -> tuple[dict[str, float], Figure]:
    """Train image by image, and draw the weights of the neurons for 0 and 9."""
    name, x, labels = read_digits(IMAGES)
    y = torch.nn.functional.one_hot(labels, 10).float()
    w, b = torch.zeros(10, 784), torch.zeros(10)
    order = torch.Generator().manual_seed(seed)
    for _ in range(EPOCHS):
        for i in torch.randperm(len(x), generator=order).tolist():
            delta = ((x[i] @ w.T + b >= 0).float() - y[i])[None]
            if delta.any():
                w -= weight_gradient(delta, x[i : i + 1])
                b -= bias_gradient(delta)
    z, _ = feedforward(x, [w], [b], [])
    accuracy = (z.argmax(dim=1) == labels).float().mean().item()
    beside = f"; the course's is {100 * COURSE:.0f} %" if name == "mnist" else ""
    print(f"{name}: {100 * accuracy:.1f} % of {len(x):,} training images right after {EPOCHS} epochs{beside}")

    figure = new_figure(7, 3.6)
    for axes, digit in zip(figure.subplots(1, 2), (0, 9), strict=True):
        axes.imshow(diverging(w[digit].view(28, 28), w.abs().quantile(0.995).item()).numpy())
        axes.set_title(f'weights of the neuron for "{digit}"')
        axes.axis("off")
    figure.suptitle("Ink that speaks for the digit is red, ink that speaks against it blue", fontsize=10)
    return {"accuracy": accuracy}, figure


if __name__ == "__main__":
    run(lesson, __doc__)
