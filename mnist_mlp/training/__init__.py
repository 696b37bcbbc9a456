"""`MLPClassifier`, an `MLP` in Lightning's hands: its metrics, its callbacks, when mini-batches come in blocks.

May import: torch_internals, plain_values, console, equations, network, lightning_internals, bare_loop, data.
One more callback that every training needs: a class in `callbacks.py`, and one line in `configure_callbacks`.
"""
