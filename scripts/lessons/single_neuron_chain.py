"""A chain of single neurons: every partial derivative of the backward pass, beside autograd's.

With one neuron in each layer the matrices are numbers, and backpropagation is the chain rule written down once:
dC/db^1 = sigma'(z^1) w^2 sigma'(z^2) w^3 ... dC/da^L. Each factor sigma'(z) is at most 1/4. (Nielsen, ch. 5, eq. 122.)
"""

import torch
from lesson import BLUE, new_figure, run
from matplotlib.figure import Figure

from mnist_mlp.equations import ACTIVATIONS, backpropagate, cost_named, feedforward

LAYERS, X, Y = 4, 0.8, 0.1
SIGMA, COST = ACTIVATIONS["sigmoid"], cost_named("quadratic", "sigmoid")


def lesson(seed: int) -> tuple[dict[str, float], Figure]:
    """Forward, backward, and every derivative three times: by BP1 to BP4, by the chain rule, by autograd."""
    draw = torch.Generator().manual_seed(seed)
    weights = [torch.randn(1, 1, generator=draw, dtype=torch.float64).requires_grad_() for _ in range(LAYERS)]
    biases = [torch.randn(1, generator=draw, dtype=torch.float64).requires_grad_() for _ in range(LAYERS)]
    x, y = torch.tensor([[X]], dtype=torch.float64), torch.tensor([[Y]], dtype=torch.float64)

    z, trace = feedforward(x, weights, biases, [SIGMA] * (LAYERS - 1))
    cost = COST.value(z, y)
    expected = torch.autograd.grad(cost, [*weights, *biases])
    with torch.no_grad():
        gradients = backpropagate(COST.output_error(z, y), weights, [SIGMA] * (LAYERS - 1), trace)
        a = [*(output.item() for output in trace.outputs), SIGMA.function(z).item()]
        slopes = [SIGMA.derivative(torch.tensor(value, dtype=torch.float64)).item() for value in a]

    print(f"C = {cost.item():.6f};  layer by layer, by hand and by autograd:")
    errors, by_chain = [], []
    for l in range(LAYERS):
        factor = a[-1] - Y
        for k in range(LAYERS - 1, l, -1):
            factor *= slopes[k] * weights[k].item()
        by_chain.append(factor * slopes[l])
        dw, db = gradients.weights[l].item(), gradients.biases[l].item()
        dw_auto, db_auto = expected[l].item(), expected[LAYERS + l].item()
        errors += [abs(dw - dw_auto), abs(db - db_auto)]
        errors += [abs(db - by_chain[l]), abs(dw - by_chain[l] * trace.inputs[l].item())]
        print(
            f"  l = {l + 1}  sigma'(z) {slopes[l]:.4f}  dC/dw {dw:+.3e} {dw_auto:+.3e}  dC/db {db:+.3e} {db_auto:+.3e}"
        )
    print(f"largest difference {max(errors):.1e}")

    figure = new_figure(7, 3.8)
    axes = figure.subplots()
    axes.bar(range(1, LAYERS + 1), [abs(value) for value in by_chain], color=BLUE, width=0.6)
    axes.set_yscale("log")
    axes.set_xticks(range(1, LAYERS + 1))
    axes.set(title="Each layer further down multiplies by w sigma'(z)", xlabel="layer l", ylabel="|dC/db^l|")
    return {"difference": max(errors), "largest slope": max(slopes)}, figure


if __name__ == "__main__":
    run(lesson, __doc__)
