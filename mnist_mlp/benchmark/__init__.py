"""`mnist-mlp benchmark`: how long a training takes, beside what others would write.

May import: torch_internals, console, executors, equations, network, bare_loop, data, fit.
One more contestant: a file with a class, and one line in the table of `mnist_mlp.benchmark.contestants`.
"""
