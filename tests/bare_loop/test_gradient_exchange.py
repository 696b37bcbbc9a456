import pytest
import torch
from torch import nn

from mnist_mlp.bare_loop.gradient_exchange import GradientExchange


@pytest.mark.usefixtures("process_group")
@pytest.mark.parametrize("on_one_machine", [True, False])
def test_a_mean_lies_in_memory_as_its_parameter_does(on_one_machine):
    values = torch.arange(12.0).view(3, 4)
    by_columns, by_rows = nn.Parameter(values.T.contiguous().T), nn.Parameter(values.clone())
    by_columns.grad = by_rows.grad = values
    GradientExchange([by_columns, by_rows], on_one_machine)()
    for parameter in (by_columns, by_rows):
        assert parameter.grad is not None
        assert torch.equal(parameter.grad, values)
        assert parameter.grad.stride() == parameter.stride()
