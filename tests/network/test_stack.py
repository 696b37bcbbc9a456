import pytest
import torch

from mnist_mlp import MLP
from mnist_mlp.bare_loop.gradient_steps import ManualStep
from mnist_mlp.network.stack import MLPStack


def test_a_stack_shares_its_memory_with_its_networks():
    networks = [MLP([5, 4, 3]) for _ in range(3)]
    before = [network.weights[0].clone() for network in networks]
    stack = MLPStack(networks)
    assert stack.weights[0].shape == (3, 4, 5)
    assert torch.equal(stack.weights[0], torch.stack(before))
    with torch.no_grad():
        stack.weights[0][1].fill_(7)
    assert networks[1].weights[0].unique().item() == 7
    assert torch.equal(networks[2].weights[0], before[2])


def test_a_stacks_gradients_are_those_of_its_networks():
    networks = [MLP([5, 4, 3], dropout=0.5, input_dropout=0.2, gradients="manual") for _ in range(3)]
    x, y, z = torch.rand(3, 7, 5), torch.eye(3)[torch.randint(3, (3, 7))], torch.empty(3, 7, 3)
    generators = [torch.Generator().manual_seed(i) for i in range(3)]
    stack = MLPStack(networks)
    with torch.no_grad():
        ManualStep(stack, 7, 0.1, 0.2, generators)(x, y, z)
    for i, network in enumerate(networks):
        torch.manual_seed(i)
        logits = network(x[i])
        network.penalized(network.loss(logits, y[i]), 0.1, 0.2).backward()
        torch.testing.assert_close(z[i], logits)
        for own, stacked in zip(network.weights + network.biases, stack.weights + stack.biases, strict=True):
            assert stacked.grad is not None
            torch.testing.assert_close(stacked.grad[i], own.grad)


def test_networks_that_differ_are_refused():
    with pytest.raises(ValueError, match="must have the same sizes, activations and dropout"):
        MLPStack([MLP([5, 4, 3]), MLP([5, 3, 3])])
