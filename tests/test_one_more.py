"""One more activation touches one file and one line of a table: here the file is this test."""

from functools import partial

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.nn import functional as F

from mnist_mlp.equations.activations import ACTIVATIONS, Activation, times
from mnist_mlp.fit import prepare
from mnist_mlp.verification.block_comparison import OPTIMIZERS
from mnist_mlp.verification.comparison import compare
from mnist_mlp.verification.grid import grid


def softplus(z, out=None):
    """a = ln(1 + exp(z))."""
    a = F.softplus(z)
    return a if out is None else out.copy_(a)


def softplus_derivative(a, out=None):
    """sigma'(z) = 1/(1 + exp(-z)) = 1 - exp(-a)."""
    return torch.sub(1, torch.exp(-a)) if out is None else out.copy_(1 - torch.exp(-a))


@pytest.fixture
def one_more(monkeypatch, without_shape_checks):
    line = Activation(softplus, softplus_derivative, partial(times, softplus_derivative), idle="saturated")
    monkeypatch.setitem(ACTIVATIONS, "softplus", line)


def test_is_verified(one_more):
    cases = [case for case in grid() if case.activation == "softplus" and case.dtype == torch.float64]
    assert len(cases) > 50
    for case in cases[::5]:
        found = compare(*case.build(), OPTIMIZERS[case.optimizer])
        assert all(each.agrees(case.dtype, case.exact) for each in found.values()), case


@pytest.mark.parametrize("gradients", ["manual", "autograd"])
def test_is_trained_and_drawn(one_more, gradients, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    session = prepare(
        model={
            "hidden_sizes": [10],
            "activation": "softplus",
            "gradients": gradients,
            "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.01}},
        },
        data={"dataset": "digits", "val_size": 300, "steps_per_execution": "auto"},
        trainer={"max_epochs": 2, "enable_progress_bar": False, "accelerator": "cpu"},
        name="softplus",
    )
    session.execute()
    assert session.trainer.callback_metrics["val/acc"] > 0.7
    events = EventAccumulator(session.trainer.log_dir or "").Reload()
    assert "saturated/layer_1" in events.Tags()["scalars"]
    (text,) = events.Tensors("model/text_summary")
    assert b"softplus" in text.tensor_proto.string_val[0]


def test_a_wrong_derivative_of_it_is_found(one_more, monkeypatch):
    wrong = ACTIVATIONS["softplus"]._replace(times_derivative=lambda v, a, out=None: v * a)
    monkeypatch.setitem(ACTIVATIONS, "softplus", wrong)
    case = next(case for case in grid() if case.activation == "softplus" and case.dtype == torch.float64)
    found = compare(*case.build(), OPTIMIZERS[case.optimizer]).values()
    assert not all(each.autograd.agrees(case.dtype) for each in found)
    assert not all(each.block and each.block.agrees(case.dtype) for each in found)
