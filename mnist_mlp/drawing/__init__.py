"""A page to draw on, which shows what a trained network makes of the drawing: `write_page`, and `mnist-mlp draw`.

May import: console, fit, handwriting, prediction.
One more activation that the page knows: a line in the table `ACTIVATIONS` of `network.js`.
"""

from mnist_mlp.drawing.html_file import write_page

__all__ = ["write_page"]
