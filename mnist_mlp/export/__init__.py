"""`mnist-mlp export`: a trained network for other programs, with all that a stranger needs beside its weights.

May import: console, equations, prediction, fit.
One more format: a file with a function from a network to the bytes of a file, and a line in `FORMATS` of
`mnist_mlp.export.formats`.
"""
