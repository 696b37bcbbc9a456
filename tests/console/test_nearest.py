"""The name that was meant by one that there is not."""

import pytest

from mnist_mlp.console.plain_errors import nearest

NAMES = ("Adam", "Adamax", "AdamW", "SGD", "nielsen-ch3-ce-30", "nielsen-ch3-ce-100")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Adma", "Adam"),  # Adamax has a larger share of its letters
        ("adamw", "AdamW"),
        ("sgd", "SGD"),
        ("nielsen-ch3-ce30", "nielsen-ch3-ce-30"),
        ("zzz", None),
        ("", None),
    ],
)
def test_letters_swapped_and_other_case_are_forgiven(typed, meant):
    assert nearest(typed, NAMES) == meant
