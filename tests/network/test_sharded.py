"""Networks whose layers are sharded or shared out compute what they computed, here in the only process of a group."""

import pytest
import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.distributed.fsdp.wrap import ModuleWrapPolicy
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.nn.parallel import DistributedDataParallel

from mnist_mlp import MLP

pytestmark = [
    pytest.mark.usefixtures("without_shape_checks", "process_group"),
    pytest.mark.filterwarnings("ignore:FSDP is switching to use .NO_SHARD.", "ignore:FSDP1"),  # in one process
]

X = torch.rand(7, 6, generator=torch.Generator().manual_seed(1))
LABELS = torch.arange(7) % 3


def sharded(mlp):
    return fully_shard(mlp, mesh=init_device_mesh("cpu", (1,)))


def sharded_by_layer(mlp):
    for layer in mlp.layers:
        fully_shard(layer, mesh=init_device_mesh("cpu", (1,)))
    return sharded(mlp)


def fsdp(mlp, use_orig_params=True):
    return FullyShardedDataParallel(
        mlp,
        auto_wrap_policy=ModuleWrapPolicy({nn.Linear}),
        device_id=torch.device("cpu"),
        use_orig_params=use_orig_params,
    )


def fsdp_of_flat_parameters(mlp):
    return fsdp(mlp, use_orig_params=False)


def tensor_parallel(mlp):
    plan = {"layers.0": ColwiseParallel(), "layers.1": RowwiseParallel()}
    return parallelize_module(mlp, init_device_mesh("cpu", (1,)), plan)


WAYS = [sharded, sharded_by_layer, fsdp, fsdp_of_flat_parameters, tensor_parallel, DistributedDataParallel]


@pytest.mark.parametrize("gradients", ["autograd", "manual"])
@pytest.mark.parametrize("way", WAYS)
def test_a_step_is_that_of_the_whole_network(way, gradients):
    losses = []
    for wrap in (lambda mlp: mlp, way):
        torch.manual_seed(0)
        mlp = MLP([6, 5, 4, 3], "tanh", gradients=gradients)
        network = wrap(mlp)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.5)
        loss = torch.tensor(torch.nan)
        for _ in range(3):
            optimizer.zero_grad()
            loss = mlp.loss(network(X), LABELS)
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)
