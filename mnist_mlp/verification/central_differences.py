"""Derivatives without any calculus: (C(w + h) - C(w - h))/2h."""

import torch
from torch import Tensor

from mnist_mlp.equations.backprop import feedforward
from mnist_mlp.network.mlp import MLP
from mnist_mlp.verification.gradients import fixed_masks, penalized_loss

STEP = 1e-5  # h
MAX_RELATIVE_CENTRAL = 1e-6  # in float64


@torch.no_grad()
def central_difference(
    mlp: MLP, x: Tensor, labels: Tensor, name: str, gradient: Tensor, elements: int | None
) -> tuple[float | None, int]:
    """The largest difference of a gradient from (C(w + h) - C(w - h))/2h, relative to its largest element.

    What the rounding of C itself can add to the quotient, a few eps C/h, is taken off.

    Returns:
        The difference, None if no element is left, and how many elements were skipped because a neuron crossed its kink
        between w - h and w + h, where C has a kink too and the quotient is no derivative.
    """
    with fixed_masks(x):
        masks = mlp.dropout_masks(x)
    parameter = mlp.get_parameter(name).view(-1)
    largest, skipped = gradient.abs().max(), 0
    worst = torch.zeros_like(largest)

    def evaluate() -> tuple[Tensor, list[Tensor]]:
        z, trace = feedforward(x, mlp.weights, mlp.biases, mlp.sigmas, masks)
        switches = [a > 0 for a, sigma in zip(trace.outputs, mlp.sigmas, strict=True) if sigma.kinked]
        if mlp.cost.kinked:
            switches.append(z > 0)
        return penalized_loss(mlp, z, labels), switches

    chosen = torch.arange(len(parameter)) if elements is None else _spread(gradient.abs().view(-1), elements)
    for i in chosen.tolist():
        value = parameter[i].item()
        parameter[i] = value + STEP
        above, switches_above = evaluate()
        parameter[i] = value - STEP
        below, switches_below = evaluate()
        parameter[i] = value
        if all(torch.equal(p, q) for p, q in zip(switches_above, switches_below, strict=True)):
            noise = 4 * torch.finfo(x.dtype).eps * above.abs() / STEP
            error = ((above - below) / (2 * STEP) - gradient.view(-1)[i]).abs() - noise
            worst = torch.maximum(worst, error)
        else:
            skipped += 1
    if skipped == len(chosen):
        return None, skipped
    return (worst / largest if largest > 0 else worst).item(), skipped


def _spread(magnitudes: Tensor, elements: int) -> Tensor:
    """Indices of so many elements from the largest to the smallest magnitude, evenly."""
    order = magnitudes.argsort(descending=True)
    return order[torch.linspace(0, len(order) - 1, min(elements, len(order))).long()]
