from typing import Any

import numpy as np
import pytest
import torch
from torch import nn, tensor
from torch.nn import functional as F

from mnist_mlp import MLP


def set_parameters(mlp, *layers):
    for weight, bias, (w, b) in zip(mlp.weights, mlp.biases, layers, strict=True):
        weight.data, bias.data = tensor(w), tensor(b)


def test_forward_by_hand():
    mlp = MLP([2, 2, 1], activation="relu", cost="quadratic", output_activation="identity")
    set_parameters(mlp, ([[1.0, 2.0], [-1.0, 1.0]], [0.5, 0.0]), ([[2.0, 3.0]], [-1.0]))
    # z^1 = (1 + 4 + 0.5, -1 + 2) = (5.5, 1), a^1 = z^1, z^2 = 11 + 3 - 1
    assert mlp(tensor([[1.0, 2.0]])).tolist() == [[13.0]]
    # z^1 = (1.5, -1), a^1 = (1.5, 0), z^2 = 3 + 0 - 1
    assert mlp(tensor([[1.0, 0.0]])).tolist() == [[2.0]]


def test_forward_returns_logits_and_predict_proba_the_output_activation():
    mlp, x = MLP([5, 4, 3]), torch.rand(2, 5)
    torch.testing.assert_close(mlp.predict_proba(x), torch.softmax(mlp(x), dim=1))


@pytest.mark.parametrize("sizes", [[3, 2], [3, 4, 2], [3, 4, 5, 6, 2]])
def test_any_depth_and_width(sizes):
    mlp = MLP(sizes)
    assert [tuple(w.shape) for w in mlp.weights] == list(zip(sizes[1:], sizes[:-1], strict=True))
    assert [tuple(b.shape) for b in mlp.biases] == [(n,) for n in sizes[1:]]
    assert mlp(torch.rand(7, 3)).shape == (7, 2)
    assert list(mlp.state_dict()) == [f"layers.{i}.{p}" for i in range(len(sizes) - 1) for p in ("weight", "bias")]


def test_one_activation_for_each_hidden_layer():
    mlp = MLP([1, 1, 1, 1], activation=["identity", "relu"], cost="mse", output_activation="identity")
    set_parameters(mlp, ([[1.0]], [0.0]), ([[-1.0]], [0.0]), ([[1.0]], [0.0]))
    assert mlp(tensor([[-2.0], [2.0]])).tolist() == [[2.0], [0.0]]


def test_regression_with_one_output():
    torch.manual_seed(0)
    mlp = MLP([1, 16, 1], activation="tanh", cost="mse", output_activation="identity", initializer="xavier")
    optimizer = torch.optim.Adam(mlp.parameters(), lr=0.02)
    x = torch.linspace(-1, 1, 50)[:, None]
    for _ in range(600):
        optimizer.zero_grad()
        loss = mlp.loss(mlp(x), x.square())
        loss.backward()
        optimizer.step()
    assert mlp.loss(mlp(x), x.square()).item() < 1e-3
    torch.testing.assert_close(mlp.predict_proba(x), mlp(x))


@pytest.mark.parametrize("cost", ["quadratic", "mse", "cross_entropy", "binary_cross_entropy"])
def test_labels_mean_one_hot_rows(cost):
    mlp = MLP([4, 3], cost=cost)
    z = mlp(torch.rand(2, 4))
    assert torch.equal(mlp.loss(z, tensor([2, 0])), mlp.loss(z, tensor([[0.0, 0, 1], [1, 0, 0]])))


def test_dropout_only_while_training_and_keeps_the_mean():
    torch.manual_seed(0)
    mlp = MLP([1, 10_000, 1], "identity", "mse", output_activation="identity", dropout=0.25)
    set_parameters(mlp, ([[1.0]] * 10_000, [0.0] * 10_000), ([[1.0] * 10_000], [0.0]))
    x = torch.ones(1, 1)
    dropped = mlp(x).item()
    assert dropped != 10_000
    assert dropped == pytest.approx(10_000, rel=0.05)
    assert mlp.eval()(x).item() == 10_000


def test_input_dropout_drops_inputs():
    mlp = MLP([10_000, 1], cost="mse", output_activation="identity", input_dropout=0.5)
    set_parameters(mlp, ([[1.0] * 10_000], [0.0]))
    x = torch.ones(1, 10_000)
    assert mlp(x).item() == pytest.approx(10_000, rel=0.1)
    assert mlp(x).item() != 10_000
    assert mlp.eval()(x).item() == 10_000


def test_same_seed_same_network():
    networks = []
    for _ in range(2):
        torch.manual_seed(3)
        networks.append(MLP([4, 3, 2]).state_dict())
    torch.testing.assert_close(*networks, rtol=0, atol=0)


def test_double_precision():
    mlp = MLP([4, 3, 2]).double()
    assert mlp.loss(mlp(torch.rand(5, 4, dtype=torch.float64)), tensor([0, 1, 1, 0, 0])).dtype == torch.float64


@pytest.mark.cuda
def test_cuda_equals_cpu():
    mlp, x, labels = MLP([6, 5, 4], dropout=0.5).eval(), torch.rand(3, 6), tensor([0, 3, 1])
    expected = mlp.loss(mlp(x), labels)
    mlp.cuda()
    torch.testing.assert_close(mlp.loss(mlp(x.cuda()), labels.cuda()).cpu(), expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sizes": []}, r"sizes must be two or more positive integers, .* got \[\]"),
        ({"sizes": [784]}, r"sizes must be two or more positive integers, .* got \[784\]"),
        ({"sizes": [784, 0, 10]}, r"positive integers, .* got \[784, 0, 10\]"),
        ({"sizes": [784, -3, 10]}, r"positive integers, .* got \[784, -3, 10\]"),
        ({"activation": "rleu"}, "activation must be one of identity, relu, scaled_tanh, sigmoid, tanh; got 'rleu'"),
        ({"activation": ["relu", "tan"]}, "one for each of the 1 hidden layers; got 2: relu, tan"),
        ({"activation": ["tan"]}, "activation must be one of .* got 'tan'"),
        ({"sizes": [2, 2], "activation": "rleu"}, "activation must be one of .* got 'rleu'"),
        ({"cost": "crossentropy"}, "cost must be one of .* got 'crossentropy'"),
        ({"initializer": "hee"}, "initializer must be one of .* got 'hee'"),
        ({"dropout": 1.0}, r"dropout must lie in \[0, 1\); got 1.0"),
        ({"dropout": -0.1}, r"dropout must lie in \[0, 1\); got -0.1"),
        ({"input_dropout": float("nan")}, r"input_dropout must lie in \[0, 1\); got nan"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        MLP(**{"sizes": [4, 3, 2], **arguments})


@pytest.mark.parametrize("size", [30.0, True, "30"])
def test_sizes_that_are_not_integers_are_refused(size, without_shape_checks):
    with pytest.raises(ValueError, match="sizes must be two or more positive integers"):
        MLP([784, size, 10])


def test_sizes_and_probabilities_may_be_numpys(without_shape_checks):
    settings: dict[str, Any] = {"sizes": np.array([784, 30, 10]), "dropout": np.float32(0.5)}
    mlp = MLP(**settings, activation=[np.str_("tanh")])
    assert repr((mlp.sizes, mlp.dropout, mlp.activations)) == "((784, 30, 10), 0.5, ('tanh',))"


def test_inputs_of_another_shape_are_refused(without_shape_checks):
    mlp = MLP([784, 10])
    with pytest.raises(ValueError, match=r"inputs must have the shape \(batch, 784\); got \(5, 3\)"):
        mlp(torch.rand(5, 3))


@pytest.mark.parametrize("input_dropout", [0.0, 0.5])
def test_bytes_are_refused(input_dropout, without_shape_checks):
    with pytest.raises(ValueError, match=r"inputs must be floating-point, .* got torch.uint8: divide bytes by 255"):
        MLP([784, 10], input_dropout=input_dropout)(torch.zeros(5, 784, dtype=torch.uint8))


def test_inputs_that_are_no_tensor_are_refused(without_shape_checks):
    with pytest.raises(ValueError, match=r"must be a torch.Tensor; got numpy.ndarray: use torch.as_tensor\(x, dtype="):
        MLP([4, 3])(np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"inputs must be a torch.Tensor; got builtins.list: use torch.as_tensor\(x"):
        MLP([4, 3])([[0.0] * 4])


def test_targets_that_are_no_tensor_are_refused(without_shape_checks):
    targets: Any = np.zeros(2)
    with pytest.raises(ValueError, match=r"targets must be a torch.Tensor; got numpy.ndarray: use torch.as_tensor\(t"):
        MLP([4, 3]).loss(torch.zeros(2, 3), targets)


def test_a_single_vector_is_refused(without_shape_checks):
    mlp = MLP([4, 3])
    with pytest.raises(ValueError, match=r"shape \(batch, 4\); got \(4,\): give a single sample as x\[None\]"):
        mlp(torch.rand(4))
    with pytest.raises(ValueError, match=r"shape \(batch, outputs\); got \(3,\): give a single sample as z\[None\]"):
        mlp.loss(torch.rand(3), torch.rand(3))  # the quadratic cost would take the outputs for samples


@pytest.mark.parametrize("gradients", ["autograd", "manual"])
def test_the_loss_is_that_of_a_replaced_last_layer(gradients):
    mlp = MLP([4, 5, 3], gradients=gradients)
    mlp.layers[-1] = nn.Linear(5, 7)
    z = mlp(torch.rand(2, 4))
    torch.testing.assert_close(mlp.loss(z, tensor([6, 0])), F.cross_entropy(z, tensor([6, 0])))
    with pytest.raises(ValueError, match=r"labels must lie in 0 ... 6; got 0 ... 7"):
        mlp.loss(z, tensor([7, 0]))


def test_a_layer_without_weight_is_named():
    mlp = MLP([4, 5, 3])
    mlp.layers[0] = nn.Identity()
    with pytest.raises(
        ValueError, match=r"a tensor 'weight' for this; layers\[0\] is a Identity without: put an nn.Li"
    ):
        mlp.l2_penalty(1.0)
    mlp.layers[0] = nn.Linear(4, 5, bias=False)
    with pytest.raises(ValueError, match=r"a tensor 'bias' for this; layers\[0\] is a Linear without"):
        mlp.biases  # noqa: B018


@pytest.mark.parametrize("gradients", ["autograd", "manual"])
def test_a_hook_that_only_listens_changes_no_bit(gradients):
    mlp, x = MLP([4, 6, 5, 3], "sigmoid", dropout=0.4, input_dropout=0.2, gradients=gradients), torch.rand(2, 4)
    values = []
    for autocast in (False, True):
        for _ in range(2):
            handle = mlp.layers[1].register_forward_hook(lambda *_: None)
            torch.manual_seed(2)
            with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                hooked = mlp(x)
            handle.remove()
            torch.manual_seed(2)
            with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                assert torch.equal(mlp(x), hooked)
            values.append(hooked)
    assert not torch.equal(values[0], mlp.eval()(x))


@pytest.mark.parametrize("randomness", ["same", "different"])
def test_dropout_under_vmap(randomness, without_shape_checks):
    torch.manual_seed(0)
    mlp = MLP([1, 1, 1], "identity", "mse", output_activation="identity", dropout=0.25)
    set_parameters(mlp, ([[1.0]], [0.0]), ([[1.0]], [0.0]))
    z = torch.vmap(mlp, randomness=randomness)(torch.ones(20_000, 1))
    if randomness == "same":
        assert len(set(z.flatten().tolist())) == 1
    else:
        assert sorted(set(z.flatten().tolist())) == pytest.approx([0, 4 / 3])
        assert z.mean().item() == pytest.approx(1, rel=0.05)


def test_dropout_where_it_is_compiled(without_shape_checks):
    torch.manual_seed(0)
    mlp = MLP([1, 1, 1], "identity", "mse", output_activation="identity", dropout=0.25)
    set_parameters(mlp, ([[1.0]], [0.0]), ([[1.0]], [0.0]))
    compiled = torch.compile(mlp, fullgraph=True, backend="eager")
    assert compiled(torch.ones(20_000, 1)).mean().item() == pytest.approx(1, rel=0.05)
    mlp.eval()
    assert compiled(torch.ones(2, 1)).tolist() == [[1], [1]]


def test_it_is_made_on_the_default_device():
    with torch.device("meta"):
        mlp = MLP([4, 3])
    assert {parameter.device.type for parameter in mlp.parameters()} == {"meta"}
    assert not list(mlp.buffers())


def test_targets_of_another_shape_are_refused(without_shape_checks):
    mlp = MLP([4, 1], cost="mse", output_activation="identity")
    with pytest.raises(ValueError, match=r"values of shape \(3, 1\); got torch.float32 of shape \(3, 3\)"):
        mlp.loss(mlp(torch.rand(3, 4)), torch.rand(3, 3))


@pytest.mark.parametrize("label", [-1, 10])
def test_labels_out_of_range_are_refused(label):
    mlp = MLP([4, 10])
    with pytest.raises(ValueError, match=r"labels must lie in 0 ... 9; got"):
        mlp.loss(mlp(torch.rand(2, 4)), tensor([3, label]))
