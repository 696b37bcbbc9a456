"""The equations as an `nn.Module` and as `autograd.Function`s, with their input checks, and what builds on them.

May import: torch_internals, plain_values, equations.
One more way to look at a network: a module of plain functions that take an `MLP`.
"""
