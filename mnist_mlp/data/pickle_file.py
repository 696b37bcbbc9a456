"""Nielsen's `mnist.pkl.gz`, which is Theano's: three pairs of arrays, those that train, validate and test."""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from typing_extensions import override

from mnist_mlp.data.arrays import Arrays, readable, source_at
from mnist_mlp.data.idx_files import unpacked
from mnist_mlp.data.images import Source

ENDINGS = (".pkl", ".pkl.gz", ".pickle", ".pickle.gz")
MODULES = ("numpy.core.multiarray", "numpy._core.multiarray")  # NumPy 2 moved it, and old files know the old place


def pickle_file(path: Path) -> Source | None:
    """The images in a pickle, packed or not, whose own validation images stay so; None for another file.

    A pixel is a fraction there, of 256.
    """
    if not path.name.endswith(ENDINGS) or not path.is_file():
        return None
    with readable(path, "a pickle of images"):
        training, validation, test = _pairs(bytes(unpacked(bytearray(path.read_bytes()))))
        both = Arrays(*(np.concatenate(parts) for parts in zip(training, validation, strict=True)))
    return source_at(path, both.labels, lambda train: both if train else test, val_size=len(validation.labels))


class ArrayUnpickler(pickle.Unpickler):
    """Reads a pickle that holds NumPy arrays in tuples and lists, and calls nothing but what makes these."""

    @override
    def find_class(self, module: str, name: str) -> Any:
        reconstruct: Any = np.zeros(1).__reduce__()[0]
        allowed = {("numpy", "ndarray"): np.ndarray, ("numpy", "dtype"): np.dtype}
        allowed |= {(home, reconstruct.__name__): reconstruct for home in MODULES}
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no array, and was not run")
        return allowed[module, name]


def _pairs(content: bytes) -> list[Arrays]:
    """The three pairs of a pickle.

    Raises:
        ValueError: if it holds anything else.
    """
    try:
        # Python 2's strings of bytes are latin-1
        pairs = ArrayUnpickler(io.BytesIO(content), encoding="latin1").load()
    except Exception as error:  # a damaged pickle may raise nearly anything
        raise ValueError(str(error) or type(error).__name__) from error
    shapes = [len(pair) for pair in pairs] if _is_sequence(pairs) and all(map(_is_sequence, pairs)) else []
    if shapes != [2, 2, 2] or not all(isinstance(array, np.ndarray) for pair in pairs for array in pair):
        raise ValueError("it must hold three pairs of arrays: images and labels that train, validate and test")
    return [Arrays(*pair) for pair in pairs]


def _is_sequence(value: Any) -> bool:
    return isinstance(value, tuple | list)
