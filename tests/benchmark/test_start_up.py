import pytest

from mnist_mlp.benchmark.start_up import time_start_up


def test_a_start_up_that_ends_without_a_word_is_refused(monkeypatch):
    monkeypatch.setattr("mnist_mlp.benchmark.start_up.sys.executable", "false")
    with pytest.raises(ValueError, match="did not come to its first step: no message"):
        time_start_up("configs/quickstart.yaml", repeats=1)


def test_the_start_up_is_measured_part_by_part():
    parts, ratio = time_start_up("configs/quickstart.yaml", repeats=1)
    assert len(parts) == 5
    assert all(seconds >= 0 for seconds in parts.values())
    assert ratio > 0.5
    with pytest.raises(ValueError, match="the training did not come to its first step"):
        time_start_up("configs/none.yaml", repeats=1)
