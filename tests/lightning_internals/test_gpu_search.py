"""Fails where Lightning asks torch to look for GPUs in another way: each step of Adam would be slower."""

import os
import subprocess
import sys

import pytest
import torch

from mnist_mlp.lightning_internals.gpu_search import NVML_CHECK, stop_looking_for_gpus


def test_lightning_asks_torch_to_look_each_time():
    code = f"import lightning, os; print(os.environ.get({NVML_CHECK!r}))"
    environment = {name: value for name, value in os.environ.items() if name != NVML_CHECK}
    out = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "1"


@pytest.mark.parametrize(("there_is_one", "left"), [(False, None), (True, "1")])
def test_only_where_there_is_none_it_need_not(monkeypatch, there_is_one, left):
    monkeypatch.setenv(NVML_CHECK, "1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there_is_one)
    stop_looking_for_gpus()
    assert os.environ.get(NVML_CHECK) == left
