import torch

from mnist_mlp.benchmark.gradient_time import peak_bytes, time_gradient
from mnist_mlp.benchmark.workloads import WORKLOADS


def test_peak_memory_is_what_was_there_at_one_time():
    def work():
        first = torch.empty(1000)
        del first
        second, third = torch.empty(500), torch.empty(250)
        return second, third

    assert peak_bytes(work, "cpu") == 4000


def test_the_time_of_a_gradient_is_measured():
    time = time_gradient(WORKLOADS["small"], "cpu", repeats=3)
    assert 1 < time.manual_ratio < 10
    assert 1 < time.autograd_ratio < 10
    gradients = 4 * (784 * 30 + 30 + 30 * 10 + 10)
    assert gradients < time.manual_bytes < 1.2 * gradients
    assert gradients < time.autograd_bytes < 1.2 * gradients
