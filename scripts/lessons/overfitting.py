"""Overfitting: 1,000 images, 400 epochs. The training cost goes to 0, and the test cost turns up.

What helps: to stop where the cost of unseen images is lowest (here the test images, with hindsight), to hold the
weights small (L2), or more images. Each makes the steps of 400 epochs of 1,000, with mini-batches drawn at random.
(Nielsen, ch. 3, "Overfitting and regularization".)
"""

import torch
from lesson import BLUE, GREY, ORANGE, new_figure, read_digits, run
from matplotlib.figure import Figure

from mnist_mlp import MLP
from mnist_mlp.bare_loop.after_step import after_each_step
from mnist_mlp.bare_loop.block import BareLoop

BATCH, RATE, EPOCHS, POINTS = 10, 0.5, 400, 100
VARIANTS = {"1,000 images": (1000, 0.0), "with L2": (1000, 0.1), "10,000 images": (10_000, 0.0)}


def train(seed: int, n: int, l2: float) -> dict[str, list[float]]:
    """Cost and accuracy of a 784-30-10 network over the training, at equal distances."""
    _, x, labels = read_digits(n)
    _, x_test, labels_test = read_digits(10_000, train=False)
    torch.manual_seed(seed)
    mlp = MLP([784, 30, 10], "sigmoid", "binary_cross_entropy", "large", gradients="manual")
    loop = BareLoop(mlp, l2_strength=l2 / len(x))
    after_step = after_each_step(mlp, torch.optim.SGD(mlp.parameters(), lr=RATE))
    series: dict[str, list[float]] = {"train": [], "test": [], "accuracy": []}
    steps = EPOCHS * 1000 // BATCH // POINTS
    with torch.no_grad():
        for _ in range(POINTS):
            chosen = torch.randint(len(x), (steps, BATCH))
            loop.train(x[chosen], labels[chosen], after_step)
            series["train"].append(mlp.loss(mlp(x[:1000]), labels[:1000]).item())
            z = mlp(x_test)
            series["test"].append(mlp.loss(z, labels_test).item())
            series["accuracy"].append((z.argmax(dim=1) == labels_test).float().mean().item())
    return series


def lesson(seed: int) -> tuple[dict[str, float], Figure]:
    """Three trainings, and where the first should have stopped."""
    numbers: dict[str, float] = {}
    figure = new_figure(11, 3.8)
    panels = dict(zip(("train", "test", "accuracy"), figure.subplots(1, 3), strict=True))
    epochs = [EPOCHS * (point + 1) / POINTS for point in range(POINTS)]
    for (name, (n, l2)), colour in zip(VARIANTS.items(), (BLUE, ORANGE, GREY), strict=True):
        series = train(seed, n, l2)
        best = min(range(POINTS), key=lambda point: series["test"][point])
        numbers |= {f"{name}: {key}": values[-1] for key, values in series.items()}
        numbers |= {f"{name}: lowest": series["test"][best], f"{name}: stop": epochs[best]}
        numbers[f"{name}: accuracy at the stop"] = series["accuracy"][best]
        print(
            f"{name:14} training cost {series['train'][-1]:.4f}, test cost {series['test'][-1]:.3f} "
            f"(lowest {series['test'][best]:.3f} at {epochs[best]:.0f}), "
            f"test accuracy {100 * series['accuracy'][-1]:.2f} %"
        )
        for key, axes in panels.items():
            axes.plot(epochs, series[key], color=colour, label=name)
    for axes, title in zip(panels.values(), ("Training cost", "Test cost", "Test accuracy"), strict=True):
        axes.set(title=title, xlabel="epochs of 1,000 images", ylabel=title.split()[-1])
        axes.grid(color="#eeeeee")
    panels["train"].set_yscale("log")
    stop = numbers["1,000 images: stop"]
    panels["test"].axvline(stop, color=BLUE, linestyle=":")
    panels["test"].annotate("stop here", (stop, panels["test"].get_ylim()[1] * 0.96), color=BLUE, fontsize=9)
    panels["train"].legend(frameon=False)
    return numbers, figure


if __name__ == "__main__":
    run(lesson, __doc__)
