"""Settings as a checkpoint holds them: in Python's own numbers, strings, lists and dicts.

`torch.load(weights_only=True)` reads nothing else, and people compute their settings with NumPy.
"""

from pathlib import PurePath
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """NumPy's numbers and arrays, and paths, as Python's numbers, lists and strings; also within lists, tuples, dicts.

    Whatever else there is, tensors among it, stays what it is.
    """
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, dict):
        same_kind = value.copy()
        same_kind.clear()
        same_kind.update({plain(key): plain(each) for key, each in value.items()})
        return same_kind
    return type(value)(map(plain, value)) if type(value) in (list, tuple) else value
