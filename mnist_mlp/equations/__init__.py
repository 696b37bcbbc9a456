"""The subject: activations, costs, penalties, initializers, and the equations BP1 to BP4 as functions of tensors.

May import: torch_internals; of other packages torch and jaxtyping.
One more activation, cost or initializer: its functions beside their kin, and one line in the table below them.
"""

from mnist_mlp.equations.activations import ACTIVATIONS, Activation
from mnist_mlp.equations.backprop import backpropagate, feedforward
from mnist_mlp.equations.costs import Cost, cost_named
from mnist_mlp.equations.initializers import INITIALIZERS, initializer_named
from mnist_mlp.equations.penalties import PENALTIES

__all__ = [
    "ACTIVATIONS",
    "INITIALIZERS",
    "PENALTIES",
    "Activation",
    "Cost",
    "backpropagate",
    "cost_named",
    "feedforward",
    "initializer_named",
]
