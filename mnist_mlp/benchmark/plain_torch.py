"""The network of a workload and its cost, as users of torch write them."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mnist_mlp.benchmark.workloads import Workload


def sequential(workload: Workload) -> nn.Sequential:
    """A new network, up to the weighted inputs of its outputs."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(workload.sizes):
        linear = nn.Linear(n_in, n_out)
        if workload.initializer == "he":
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)
        else:
            nn.init.normal_(linear.weight, std=n_in**-0.5)
            nn.init.normal_(linear.bias)
        layers += [linear, nn.Sigmoid() if workload.activation == "sigmoid" else nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def torch_cost(workload: Workload, z: Tensor, labels: Tensor) -> Tensor:
    """The mean cost per sample, of the weighted inputs z of the outputs."""
    if workload.cost == "cross_entropy":
        return F.cross_entropy(z, labels)
    return (torch.sigmoid(z) - F.one_hot(labels, 10)).square().sum() / (2 * len(z))
