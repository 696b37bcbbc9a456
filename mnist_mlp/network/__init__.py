"""The equations as an `nn.Module`, with what belongs to a network: dropout, stacks, adversarial examples, health.

May import: equations.
One more way to look at a network: a module of plain functions that take an `MLP`.
"""
