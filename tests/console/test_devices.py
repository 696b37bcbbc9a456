import pytest
import torch

from mnist_mlp.console.devices import check_cuda


def test_a_missing_cuda_device_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    check_cuda("device", "cpu")
    sentence = "^device cuda needs a CUDA device, and this machine has none; use --device cpu$"
    with pytest.raises(ValueError, match=sentence):
        check_cuda("device", "cuda")
    with pytest.raises(ValueError, match=r"^trainer\.accelerator gpu needs .* use --trainer\.accelerator cpu$"):
        check_cuda("trainer.accelerator", "gpu")


def test_a_cuda_device_passes(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    check_cuda("device", "cuda")
