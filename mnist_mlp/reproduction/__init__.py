"""`mnist-mlp reproduce`: published recipes, trained with several seeds, beside what was published.

May import: console, shipped, executors, equations, data, training, fit.
One more published row: its configuration in configs/published, and one line in the table of `published.py`.
"""
