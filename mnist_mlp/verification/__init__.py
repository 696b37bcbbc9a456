"""`mnist-mlp verify`: the hand-written gradients beside autograd's, and the live check of a training.

May import: console, equations, network, bare_loop, data, training, fit.
One more fault that must be found: a function that plants it, and one line in the table of `faults.py`.
"""

from mnist_mlp.verification.live_check import GradientCheck

__all__ = ["GradientCheck"]
