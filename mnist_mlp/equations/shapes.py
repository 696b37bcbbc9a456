"""The shapes of the tensors in the equations, by name, so that a signature fits on a line.

A batch holds one sample in each row. Several networks at once have one more dimension in front: the networks. Each name
stands for the same sizes wherever it occurs in one signature.
"""

from jaxtyping import Float
from torch import Tensor

Values = Float[Tensor, "*shape"]  # any shape, element by element
Errors = Float[Tensor, "*networks batch n"]  # delta^l, and what else has its shape: z^l, a^l
Inputs = Float[Tensor, "*networks batch n_before"]  # a^{l-1}, the input of layer l, and nabla_a C and delta^{l-1}
Weights = Float[Tensor, "*networks n n_before"]  # w^l, as in `torch.nn.Linear`
Biases = Float[Tensor, "*networks n"]  # b^l
Outputs = Float[Tensor, "*networks batch n_L"]  # of the last layer: z^L, a^L, delta^L, and the values y aimed at
Scalar = Float[Tensor, ""]
Strength = float | Float[Tensor, "networks 1 1"]  # of a penalty: one for all networks, or one for each
