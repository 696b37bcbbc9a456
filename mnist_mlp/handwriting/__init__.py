"""From any picture of handwriting to the digits in it, each made as MNIST was made: `find_digits`.

May import: nothing of this project.
One more kind of picture: `mnist_mlp.handwriting.reading` turns it into 8 bits, and nothing else need know.
"""

from mnist_mlp.handwriting.finding import Digit, find_digits

__all__ = ["Digit", "find_digits"]
