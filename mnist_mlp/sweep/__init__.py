"""`mnist-mlp sweep`: hyper-parameters, looked for by Optuna, and judged by the validation images alone.

May import: console, shipped, executors, lightning_internals, data, training, fit.
One more kind of range: a form in `searched_setting` of `space.py`, and its distribution of Optuna's in `study.py`.
"""
