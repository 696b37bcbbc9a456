"""A network that approximates any continuous function on [0, 1], without training: its weights are computed.

Two steep sigmoids make a block, one up and one down, of the height f has in its middle; n blocks side by side follow f.
The error is what f changes within half a block: for a Lipschitz function it falls like 1/n. (Austin; Nielsen, ch. 4.)
In two dimensions, steep neurons of a second layer turn an x block and a y block into a tower.
"""

from math import log

import torch
from lesson import BLUE, ORANGE, new_figure, run
from matplotlib.figure import Figure
from torch import Tensor

from mnist_mlp import MLP
from mnist_mlp.equations import ACTIVATIONS, feedforward

BLOCKS, SHOWN, STEEP, TRAINED_STEPS = (10, 20, 40, 80, 160), 20, 400.0, 2000
SIGMOID = ACTIVATIONS["sigmoid"]


def f(x: Tensor) -> Tensor:
    """A function on [0, 1]."""
    return 0.2 + 0.4 * x.square() + 0.3 * x * torch.sin(15 * x)


def g(x: Tensor) -> Tensor:
    """A function on [0, 1] x [0, 1]."""
    return torch.sin(3 * x[:, :1]) * torch.cos(4 * x[:, 1:])


def blocks(n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Weights and biases of 2n steep sigmoids, at the left and the right edge of each block; and the middles."""
    left = torch.arange(n, dtype=torch.float64) / n
    edges = torch.stack([left, left + 1 / n], dim=1).flatten()
    edges[0], edges[-1] = -1.0, 2.0  # the outer ones lie outside
    return torch.full((2 * n, 1), STEEP * n).double(), -STEEP * n * edges, left + 0.5 / n


def computed(n: int, x: Tensor) -> Tensor:
    """f by 2n neurons: up by f(middle) at a block's left edge, down by it at the right."""
    w, b, middles = blocks(n)
    heights = torch.stack([f(middles), -f(middles)], dim=1).view(1, -1)
    return feedforward(x, [w, heights], [b, torch.zeros(1).double()], [SIGMOID])[0]


def towers(n: int, x: Tensor) -> Tensor:
    """g by 4n neurons that make blocks along both axes, and n^2 that fire where two blocks meet."""
    w, b, middles = blocks(n)
    along_both = torch.block_diag(w, w)
    block = torch.kron(torch.eye(n).double(), torch.tensor([[1.0, -1.0]]).double())  # 1 inside it, else 0
    meet = 100 * torch.cat([block.repeat_interleave(n, 0), block.repeat(n, 1)], dim=1)
    heights = g(torch.cartesian_prod(middles, middles)).T
    biases = [torch.cat([b, b]), torch.full((n * n,), -150.0).double(), torch.zeros(1).double()]
    return feedforward(x, [along_both, meet, heights], biases, [SIGMOID, SIGMOID])[0]


def trained(neurons: int, x: Tensor) -> Tensor:
    """f by as many neurons, tanh, that were trained."""
    mlp = MLP([1, neurons, 1], "tanh", "mse", ["large", "scaled"], "identity", gradients="manual").double()
    optimizer = torch.optim.Adam(mlp.parameters(), lr=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, TRAINED_STEPS)
    points = torch.linspace(0, 1, 400).double()[:, None]
    for _ in range(TRAINED_STEPS):
        optimizer.zero_grad()
        mlp.loss(mlp(points), f(points)).backward()
        optimizer.step()
        schedule.step()
    return mlp(x).detach()


def lesson(seed: int) -> tuple[dict[str, float], Figure]:
    """Errors of computed networks by their size, a trained one beside, and a function of two variables."""
    x = torch.linspace(0, 1, 20_001).double()[:, None]
    errors = [(computed(n, x) - f(x)).abs().max().item() for n in BLOCKS]
    logs = torch.tensor([[log(n), 1.0] for n in BLOCKS]), torch.tensor([[log(error)] for error in errors])
    slope = torch.linalg.lstsq(*logs).solution[0].item()
    torch.manual_seed(seed)
    by_training = trained(2 * SHOWN, x)
    error = (by_training - f(x)).abs().max().item()
    square = torch.rand(4000, 2).double()
    error_2d, half = ((towers(n, square) - g(square)).abs().mean().item() for n in (SHOWN, SHOWN // 2))
    print("neurons: largest error  ", ", ".join(f"{2 * n}: {e:.4f}" for n, e in zip(BLOCKS, errors, strict=True)))
    print(f"on logarithmic axes the slope is {slope:.3f}; {2 * SHOWN} neurons that were trained reach {error:.4f}")
    print(
        f"two variables: mean error {error_2d:.4f} with {SHOWN} x {SHOWN} towers, {half:.4f} with half of them a side"
    )

    figure = new_figure(11, 3.9)
    left, middle, right = figure.subplots(1, 3)
    left.plot(x, f(x), color="black", linewidth=1, label="f")
    left.plot(x, computed(SHOWN, x), color=BLUE, linewidth=1.2, label=f"{2 * SHOWN} neurons, computed")
    left.plot(x, by_training, color=ORANGE, linewidth=1.2, linestyle="--", label=f"{2 * SHOWN} tanh, trained")
    left.set(title="A function, and two networks", xlabel="x", ylabel="f")
    middle.loglog([2 * n for n in BLOCKS], errors, "o-", color=BLUE, label=f"computed: slope {slope:.2f}")
    middle.loglog([2 * SHOWN], [error], "D", color=ORANGE, label="tanh, trained")
    for axis, ticks in ((middle.xaxis, [2 * n for n in BLOCKS]), (middle.yaxis, [0.02, 0.05, 0.1, 0.2])):
        axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
    middle.minorticks_off()
    middle.set(title="The error falls like 1/n", xlabel="neurons", ylabel="largest error")
    for axes in (left, middle):
        axes.legend(frameon=False, fontsize=8)
    grid = torch.cartesian_prod(*[torch.linspace(0, 1, 200).double()] * 2)
    heights = towers(SHOWN, grid).view(200, 200).T.numpy()
    shown = right.imshow(heights, origin="lower", extent=(0, 1, 0, 1), cmap="RdBu_r")
    figure.colorbar(shown, ax=right, shrink=0.85)
    right.set(title=f"Two variables: {SHOWN} x {SHOWN} towers", xlabel="x", ylabel="y")
    return {"slope": slope, "trained": error, "two variables": error_2d, "half as many": half}, figure


if __name__ == "__main__":
    run(lesson, __doc__)
