from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from mnist_mlp.plain_values import plain


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64(0.5), 0.5),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.str_("relu"), "relu"),
        (np.array([1, 2]), [1, 2]),
        (Path("a") / "b", str(Path("a") / "b")),
        ([np.float64(0.5), (np.int8(1), None)], [0.5, (1, None)]),
        ({np.int64(1): {"lr": np.float64(0.5)}}, {1: {"lr": 0.5}}),
        (Counter(np.array([2, 2, 3])), Counter([2, 2, 3])),
        (Counter(), Counter()),
    ],
    ids=str,
)
def test_numbers_arrays_and_paths_become_pythons_own(value, expected):
    assert plain(value) == expected
    assert repr(plain(value)) == repr(expected)


def test_all_else_stays_what_it_is():
    for value in (torch.ones(()), torch.ones(2), "relu", 1, None, range(3), {1}, torch.optim.SGD):
        assert plain(value) is value
