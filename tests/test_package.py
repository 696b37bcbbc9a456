"""What importing the package does."""

import os
import subprocess
import sys

import pytest

IMPORTING = "import mnist_mlp, os, sys; print(os.environ.get('GOMP_SPINCOUNT'), 'torch' in sys.modules)"


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, "10000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, "None")],
)
def test_threads_do_not_spin_for_long_before_they_sleep(given, expected):
    """It must be said before torch is there; what a user says holds."""
    names = {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}
    others = {name: value for name, value in os.environ.items() if name not in names}
    asked = subprocess.run(
        [sys.executable, "-c", IMPORTING], env=others | given, capture_output=True, text=True, check=True
    )
    assert asked.stdout.split() == [expected, "False"]
