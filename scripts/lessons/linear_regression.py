"""One linear neuron with the squared error is linear regression: backpropagation finds the least-squares solution.

Gradient descent on 1/(2n) sum (w x + b - y)^2 has one place to go to, which linear algebra computes at once. And two
linear layers are no more than one: trained on MNIST's labels as vectors of 0 and 1, they predict what it does.
"""

import torch
from lesson import BLUE, ORANGE, new_figure, read_digits, run
from matplotlib.figure import Figure
from torch import Tensor

from mnist_mlp import MLP
from mnist_mlp.equations import backpropagate, cost_named, feedforward

SLOPES, INTERCEPT, RATE, STEPS = (2.0, -1.0, 0.5), 3.0, 0.3, 1000
IMAGES, HIDDEN, ITERATIONS = 10_000, 20, 150


def least_squares(x: Tensor, y: Tensor) -> Tensor:
    """The coefficients, the intercept last, by linear algebra."""
    return torch.linalg.lstsq(torch.cat([x, torch.ones_like(x[:, :1])], dim=1), y, driver="gelsd").solution


def lesson(seed: int) -> tuple[dict[str, float], Figure]:
    """A regression by gradient descent, and digits by two linear layers."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(200, 3, generator=draw, dtype=torch.float64)
    y = (x @ torch.tensor(SLOPES, dtype=torch.float64) + INTERCEPT)[:, None]
    y += 0.3 * torch.randn(y.shape, generator=draw, dtype=torch.float64)
    w, b = torch.zeros(1, 3, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    cost, costs = cost_named("quadratic", "identity"), []
    for _ in range(STEPS):
        z, trace = feedforward(x, [w], [b], [])
        costs.append(cost.value(z, y).item())
        nabla_w, nabla_b, _ = backpropagate(cost.output_error(z, y), [w], [], trace)
        w, b = w - RATE * nabla_w[0], b - RATE * nabla_b[0]
    solution = least_squares(x, y)
    difference = (torch.cat([w.flatten(), b]) - solution.flatten()).abs().max().item()
    print(f"true coefficients  {[*SLOPES, INTERCEPT]}")
    print(f"backpropagation    {[round(value, 6) for value in [*w.flatten().tolist(), b.item()]]}")
    print(f"least squares      {[round(value, 6) for value in solution.flatten().tolist()]}")
    print(f"largest difference {difference:.1e}")

    agreement, accuracies = digits()
    figure = new_figure()
    left, right = figure.subplots(1, 2)
    optimum = cost.value(x @ solution[:-1] + solution[-1], y).item()
    left.semilogy([c - optimum for c in costs[:60]], color=BLUE)
    left.set(title="Gradient descent goes to least squares", xlabel="step", ylabel="cost above its minimum")
    right.bar(list(accuracies), [100 * a for a in accuracies.values()], color=[BLUE, ORANGE], width=0.5)
    right.set(
        title=f"Digits: {100 * agreement:.1f} % of the predictions agree", ylabel="training accuracy (%)", ylim=(0, 100)
    )
    return {"difference": difference, "agreement": agreement} | accuracies, figure


def digits() -> tuple[float, dict[str, float]]:
    """Two linear layers on one-hot labels, and least squares: how often they agree, and how often they are right."""
    name, images, labels = read_digits(IMAGES)
    x = torch.nn.functional.avg_pool2d(images.view(-1, 1, 28, 28), 2).flatten(1).double()
    x = x[:, x.std(dim=0) > 0.05]  # pixels with ink
    y = torch.nn.functional.one_hot(labels, 10).double()
    sizes = [x.shape[1], HIDDEN, 10]
    mlp = MLP(sizes, "identity", "quadratic", "xavier", output_activation="identity", gradients="manual").double()
    optimizer = torch.optim.LBFGS(mlp.parameters(), max_iter=ITERATIONS, history_size=50, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = mlp.loss(mlp(x), y)
        loss.backward()
        return loss

    optimizer.step(closure)
    solution = least_squares(x, y)
    ours, theirs = mlp(x).argmax(dim=1), (x @ solution[:-1] + solution[-1]).argmax(dim=1)
    agreement = (ours == theirs).double().mean().item()
    accuracies = {"two linear layers": ours, "least squares": theirs}
    right = {kind: (predicted == labels).double().mean().item() for kind, predicted in accuracies.items()}
    print(
        f"{name}: {', '.join(f'{kind} {100 * share:.2f} %' for kind, share in right.items())}, "
        f"{100 * agreement:.2f} % agree"
    )
    return agreement, right


if __name__ == "__main__":
    run(lesson, __doc__)
