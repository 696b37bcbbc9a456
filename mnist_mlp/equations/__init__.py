"""The subject: activations, costs, penalties, initializers, and the equations BP1 to BP4 as functions of tensors.

May import: torch_internals; and torch, nothing else.
One more activation, cost or initializer: its functions beside their kin, and one line in the table below them.
"""
