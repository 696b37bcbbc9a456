"""`mnist-mlp lessons`: small programs that show one thing each.

May import: console, shipped.
One more lesson: a file in scripts/lessons with a function `lesson`.
"""
