"""The hand-written gradients are autograd's: over the grid, at the extremes, and through a whole training."""

import csv
import math
import re
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import config
from lightning import Callback, Trainer, seed_everything
from lightning.pytorch.loggers import CSVLogger
from torch import nn, tensor

from mnist_mlp import MLP, MLPClassifier, MNISTDataModule
from mnist_mlp.data.device_loader import DeviceLoader
from mnist_mlp.equations.activations import ACTIVATIONS
from mnist_mlp.equations.costs import cost_named
from mnist_mlp.equations.penalties import PENALTIES
from mnist_mlp.network.autograd_functions import ManualCost, ManualFeedforward, ManualPenalty
from mnist_mlp.verification import GradientCheck
from mnist_mlp.verification import command as verification
from mnist_mlp.verification.block_comparison import OPTIMIZERS, compare_block
from mnist_mlp.verification.central_differences import central_difference
from mnist_mlp.verification.command import verify_grid
from mnist_mlp.verification.comparison import Comparison, compare
from mnist_mlp.verification.difference import Difference
from mnist_mlp.verification.faults import FAULTS
from mnist_mlp.verification.gradients import gradients
from mnist_mlp.verification.grid import grid

COSTS = ("quadratic", "mse", "cross_entropy", "binary_cross_entropy")
SGD = torch.optim.SGD


@pytest.fixture(scope="module")
def rows():
    config.update("jaxtyping_disable", True)  # a shape check takes longer than a gradient
    rows = verify_grid()
    config.update("jaxtyping_disable", False)
    return rows


def test_the_whole_grid_agrees(rows):
    assert [row for row in rows if not row["agrees"]] == []
    combinations = {row["combination"]: row["dtype"] for row in rows}
    assert Counter(combinations.values())["float64"] >= 500
    float64 = [row for row in rows if row["dtype"] == "float64"]
    assert max(row["relative"] for row in float64) <= 1e-12
    assert max(row["central"] for row in float64 if row["device"] == "cpu") <= 1e-6
    assert sum(row["skipped"] for row in float64) < 100


def test_every_parameter_of_every_combination_is_compared(rows):
    compared = Counter(row["combination"] for row in rows)
    assert len(compared) == len(grid())
    assert set(compared.values()) == {2, 4, 8}


def test_float32_is_equal_bit_for_bit_where_the_sums_are_the_same(rows):
    exact = [row for row in rows if row["exact"]]
    assert len(exact) > 1000
    assert all(row["equal"] for row in exact)
    inexact = {(row["cost"]) for row in rows if row["dtype"] == "float32" and not row["exact"]}
    assert "cross_entropy" in inexact


def cases_of(output_activation):
    """Few enough for one test: those of one output activation, with all hidden activations, and with dropout."""
    mlps = [case for case in grid() if len(case.sizes) == 3 and case.output_activation == output_activation]
    return [case for case in mlps if case.dtype == torch.float64 and case.batch_size == 8 and case.dropout]


@pytest.mark.parametrize("output_activation", ["identity", "sigmoid", "softmax"])
@pytest.mark.parametrize("fault", FAULTS)
def test_every_planted_fault_is_found(fault, output_activation, monkeypatch, without_shape_checks):
    monkeypatch.setattr(verification, "grid", lambda: cases_of(output_activation))
    assert verification.run([]) == 0
    assert verification.run(["--break", fault]) == 1


@pytest.mark.parametrize("output_activation", ["identity", "sigmoid", "softmax"])
@pytest.mark.parametrize("fault", FAULTS)
def test_every_planted_fault_is_found_in_blocks(fault, output_activation, without_shape_checks):
    cases = cases_of(output_activation)
    with FAULTS[fault]():
        steps = [step for case in cases for step in compare_block(*case.build(), OPTIMIZERS[case.optimizer])[0]]
    assert any(not difference.agrees(torch.float64) for step in steps for difference in step.values())


def test_an_update_that_is_not_the_optimizers_is_found(monkeypatch, without_shape_checks):
    case = next(case for case in grid() if case.optimizer == "SGD")
    assert compare_block(*case.build(), OPTIMIZERS["SGD"])[1] == [True, True, True]
    monkeypatch.setattr("mnist_mlp.bare_loop.after_step.add_scaled_", lambda *arguments: None)
    assert compare_block(*case.build(), OPTIMIZERS["SGD"])[1] == [False, False, False]
    assert not any(found.agrees(case.dtype) for found in compare(*case.build(), OPTIMIZERS["SGD"]).values())


def test_the_block_is_trained_on_each_of_its_mini_batches(without_shape_checks):
    case = next(case for case in grid() if case.activation == "tanh" and case.dropout)
    mlp, xs, labels = case.build()
    before = [parameter.clone() for parameter in mlp.parameters()]
    steps, same_updates = compare_block(mlp, xs, labels, OPTIMIZERS["Adam"])
    assert (len(steps), same_updates) == (3, [True, True, True])
    assert all(step.keys() == dict(mlp.named_parameters()).keys() for step in steps)
    assert all(torch.equal(old, new) for old, new in zip(before, mlp.parameters(), strict=True))


def test_every_optimizer_meets_every_depth_and_cost():
    assert {(case.optimizer, len(case.sizes)) for case in grid()} >= {(o, n) for o in OPTIMIZERS for n in (2, 3, 5)}
    assert {(case.optimizer, case.cost) for case in grid()} >= {(o, cost) for o in OPTIMIZERS for cost in COSTS}


def test_what_was_broken_is_whole_again():
    with FAULTS["BP1"](), FAULTS["BP2"](), FAULTS["sigmoid"](), FAULTS["L1"]():
        pass
    case = next(case for case in grid() if case.activation == "sigmoid")
    assert all(found.agrees(case.dtype) for found in compare(*case.build(), OPTIMIZERS["SGD"]).values())


def test_central_differences_can_disagree():
    case = next(case for case in grid() if case.activation == "sigmoid")
    mlp, (x, *_), (labels, *_) = case.build()
    for name, gradient in gradients(mlp, x, labels, "manual").items():
        right, skipped = central_difference(mlp, x, labels, name, gradient, None)
        wrong, _ = central_difference(mlp, x, labels, name, 1.01 * gradient, None)
        assert right is not None
        assert wrong is not None
        assert right < 1e-6 < 5e-3 < wrong
        assert skipped == 0


def test_a_difference_across_a_kink_is_skipped():
    mlp = MLP([1, 1, 1], "relu", "mse", output_activation="identity").double()
    for parameter in mlp.parameters():
        parameter.data.zero_()  # z = 0 exactly
    x, y = torch.ones(1, 1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    gradient = gradients(mlp, x, y, "manual")["layers.0.bias"]
    error, skipped = central_difference(mlp, x, y, "layers.0.bias", gradient, None)
    assert (error, skipped) == (None, 1)


@pytest.mark.parametrize(
    ("difference", "agrees"),
    [
        (Difference(1e-9, 1e-8, 4.0, False), True),
        (Difference(1e-9, 1e-8, 4.1, False), False),
        (Difference(math.nan, math.nan, math.nan, False), False),
    ],
)
def test_what_agrees_in_float32(difference, agrees):
    assert difference.agrees(torch.float32) == agrees
    assert not difference.agrees(torch.float32, exact=True)  # as not all bits are equal


@pytest.mark.parametrize(("relative", "agrees"), [(1e-13, True), (1e-11, False), (math.nan, False)])
def test_what_agrees_in_float64(relative, agrees):
    assert Difference(0, relative, 0, False).agrees(torch.float64) == agrees


SMALL, LARGE = Difference(0, 0, 0, True), Difference(1, 1, 9, False)


@pytest.mark.parametrize(
    ("found", "agrees"),
    [
        (Comparison(SMALL, SMALL, True, 1e-7, 0), True),
        (Comparison(SMALL, None, True, None, 0), True),
        (Comparison(LARGE, SMALL, True, 1e-7, 0), False),
        (Comparison(SMALL, LARGE, True, 1e-7, 0), False),
        (Comparison(SMALL, SMALL, False, 1e-7, 0), False),
        (Comparison(SMALL, SMALL, True, 1e-5, 0), False),
        (Comparison(SMALL, SMALL, True, math.nan, 0), False),
    ],
)
def test_all_columns_must_agree(found, agrees):
    assert found.agrees(torch.float64) == found.agrees(torch.float32) == agrees


def test_a_network_with_nan_disagrees():
    mlp = MLP([3, 4, 2])
    mlp.biases[1].data.fill_(math.nan)
    found = compare(mlp, torch.rand(2, 5, 3), tensor([[0, 1, 0, 1, 0]] * 2), OPTIMIZERS["SGD"])
    assert not any(each.autograd.agrees(torch.float32) for each in found.values())
    assert not any(each.block and each.block.agrees(torch.float32) for each in found.values())


def test_autograd_itself_is_that_of_torchs_own_modules():
    mlp = MLP([6, 5, 4], "sigmoid", "cross_entropy").double()
    reference = nn.Sequential(nn.Linear(6, 5), nn.Sigmoid(), nn.Linear(5, 4)).double()
    reference.load_state_dict(dict(zip(reference.state_dict(), mlp.state_dict().values(), strict=True)))
    x, labels = torch.rand(7, 6, dtype=torch.float64), tensor([0, 1, 2, 3, 0, 1, 2])
    nn.CrossEntropyLoss()(reference(x), labels).backward()
    mlp.gradients = "manual"
    mlp.loss(mlp(x), labels).backward()
    for own, other in zip(mlp.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(own.grad, other.grad, rtol=1e-12, atol=1e-16)


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=2, max_size=5),
    activation=st.sampled_from(list(ACTIVATIONS)),
    cost=st.sampled_from(COSTS),
    batch_size=st.integers(1, 7),
    scale=st.sampled_from([1e-3, 1.0, 30.0, 1000.0]),
    dropout=st.sampled_from([0.0, 0.5]),
    seed=st.integers(0, 10**6),
)
def test_any_network_any_scale(sizes, activation, cost, batch_size, scale, dropout, seed):
    """Large scales saturate sigmoids and kill rectifiers."""
    torch.manual_seed(seed)
    mlp = MLP(sizes, activation, cost, "large", dropout=dropout).double()
    x = scale * torch.randn(batch_size, sizes[0], dtype=torch.float64)
    labels = torch.randint(sizes[-1], (batch_size,))
    by_hand, by_autograd = (gradients(mlp, x, labels, mode) for mode in ("manual", "autograd"))
    assert by_hand.keys() == by_autograd.keys() == dict(mlp.named_parameters()).keys()
    largest = max(reference.abs().max().item() for reference in by_autograd.values())
    for name, reference in by_autograd.items():
        assert by_hand[name].isfinite().all()
        torch.testing.assert_close(by_hand[name], reference, rtol=1e-11, atol=1e-13 * max(1, largest))


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_extremes_in_float32(activation, cost):
    """z of 1000 and -1000, and z of exactly 0."""
    for weight in (1000.0, -1000.0, 0.0):
        mlp = MLP([1, 2, 2], activation, cost)
        mlp.weights[0].data = tensor([[weight], [-weight]])
        mlp.weights[1].data = tensor([[1.0, -1.0], [2.0, 1.0]])
        for bias in mlp.biases:
            bias.data.zero_()
        by_hand, by_autograd = (gradients(mlp, torch.ones(3, 1), tensor([0, 1, 1]), m) for m in ("manual", "autograd"))
        for name, reference in by_autograd.items():
            assert by_hand[name].isfinite().all()
            torch.testing.assert_close(by_hand[name], reference)


def test_a_dead_rectifier_gets_no_gradient_and_z_of_zero_counts_as_dead():
    mlp = MLP([2, 2, 2], "relu", gradients="manual")
    mlp.weights[0].data = tensor([[1.0, -1.0], [-1.0, -1.0]])  # z = 0 and z < 0 for equal inputs
    mlp.biases[0].data.zero_()
    mlp.loss(mlp(torch.ones(3, 2)), tensor([0, 1, 1])).backward()
    gradients = {name: parameter.grad for name, parameter in mlp.named_parameters()}
    torch.testing.assert_close(gradients["layers.0.weight"], torch.zeros(2, 2), rtol=0, atol=0)
    assert gradients["layers.1.bias"] is not None
    assert gradients["layers.1.bias"].abs().max() > 0


def test_an_empty_batch_is_refused():
    for mode in ("manual", "autograd"):
        with pytest.raises(ValueError, match="a batch must hold at least one sample"):
            MLP([3, 2], gradients=mode)(torch.rand(0, 3))


@pytest.mark.parametrize("activation", sorted(set(ACTIVATIONS) - {"relu"}))
def test_gradcheck(activation):
    torch.manual_seed(0)
    mlp = MLP([4, 5, 3], activation).double()
    x = torch.rand(2, 4, dtype=torch.float64, requires_grad=True)
    mask = tensor([[2.0, 0, 2, 2, 0], [0, 2, 2, 0, 2]], dtype=torch.float64)

    def feedforward(x, *parameters):
        return ManualFeedforward.apply(x, [ACTIVATIONS[activation]], [None, mask], *parameters)

    assert torch.autograd.gradcheck(feedforward, (x, *mlp.weights, *mlp.biases))
    z, y = torch.randn(2, 3, dtype=torch.float64, requires_grad=True), torch.eye(3, dtype=torch.float64)[:2]
    for cost in COSTS:

        def thrice(z, name=cost):
            return 3 * ManualCost.apply(z, y, cost_named(name))

        assert torch.autograd.gradcheck(thrice, (z,))
    for penalty in PENALTIES.values():
        assert torch.autograd.gradcheck(
            lambda *weights, p=penalty: ManualPenalty.apply(p, 0.3, *weights), tuple(mlp.weights)
        )


def test_second_derivatives_are_refused():
    mlp = MLP([3, 4, 2], "tanh", gradients="manual")
    x = torch.rand(2, 3)
    for output in (mlp(x).sum(), mlp.loss(mlp(x).detach().requires_grad_(), tensor([0, 1])), mlp.l2_penalty(1.0)):
        with pytest.raises(RuntimeError, match=r"cannot be differentiated again; .* use gradients='autograd'"):
            output.backward(create_graph=True)


def test_frozen_parameters_and_hooks():
    mlp = MLP([3, 4, 2], gradients="manual")
    mlp.biases[0].requires_grad_(False)
    mlp.weights[1].register_hook(lambda gradient: 2 * gradient)
    x, labels = torch.rand(2, 3), tensor([0, 1])
    mlp.loss(mlp(x), labels).backward()
    assert mlp.biases[0].grad is None
    plain = MLP([3, 4, 2], gradients="manual")
    plain.load_state_dict(mlp.state_dict())
    plain.loss(plain(x), labels).backward()
    assert plain.weights[1].grad is not None
    torch.testing.assert_close(mlp.weights[1].grad, 2 * plain.weights[1].grad)


def test_the_switch_does_not_touch_parameters_or_results():
    states, outputs = [], []
    for mode in ("manual", "autograd"):
        torch.manual_seed(0)
        mlp = MLP([3, 4, 2], dropout=0.5, gradients=mode)
        states.append(mlp.state_dict())
        outputs.append(mlp(torch.ones(2, 3)))
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[1])
    assert torch.equal(*outputs)


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="gradients must be one of autograd, manual; got 'numeric'"):
        MLP([3, 2], gradients="numeric")


@pytest.mark.cuda
@pytest.mark.parametrize("cost", COSTS)
def test_cuda_agrees(cost):
    cases = [case for case in grid() if case.device == "cuda" and case.cost == cost]
    assert len(cases) > 100
    for case in cases:
        found = compare(*case.build(), OPTIMIZERS[case.optimizer])
        apart = {name: each for name, each in found.items() if not each.agrees(case.dtype)}
        assert not apart, case


def train(mode, tmp_path, data, hidden_sizes=(16,), model=None, **trainer):
    """The classifier after a training with gradients of this mode."""
    seed_everything(0, verbose=False)
    settings = {"dropout": 0.2, "l2": 0.1, "optimizer": lambda p: SGD(p, lr=0.5, momentum=0.9), **(model or {})}
    classifier = MLPClassifier(list(hidden_sizes), "sigmoid", gradients=mode, **settings)
    assert classifier.mlp.gradients == mode
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    fitter = Trainer(
        default_root_dir=tmp_path,
        enable_model_summary=False,
        accelerator="cpu",
        **{**quiet, "max_epochs": 2, **trainer},
    )
    fitter.fit(classifier, data)
    return classifier, fitter


@pytest.mark.parametrize(
    "trainer",
    [
        {},
        {"accumulate_grad_batches": 4},
        {"gradient_clip_val": 0.05, "gradient_clip_algorithm": "norm"},
        {"gradient_clip_val": 0.01, "gradient_clip_algorithm": "value"},
        {"precision": "bf16-mixed"},
        {"precision": "64-true"},
    ],
    ids=str,
)
@pytest.mark.parametrize("cost", ["quadratic", "cross_entropy"])
def test_trainings_are_the_same(trainer, cost, tmp_path):
    data = MNISTDataModule("digits", batch_size=50, val_size=300)
    by_hand, by_autograd = (
        train(m, tmp_path, data, model={"cost": cost}, **trainer)[0] for m in ("manual", "autograd")
    )
    for (name, value), reference in zip(by_hand.named_parameters(), by_autograd.parameters(), strict=True):
        if cost == "quadratic":
            assert torch.equal(value, reference), name
        else:
            # exp(log_softmax) is not rounded as softmax is, and bfloat16 keeps 8 bits
            tolerance = {"64-true": 1e-10, "bf16-mixed": 1e-2}.get(trainer.get("precision", ""), 1e-4)
            torch.testing.assert_close(value, reference, rtol=tolerance, atol=tolerance)


def test_only_a_manual_training_suffers_from_a_fault_in_the_equations(tmp_path):
    data = MNISTDataModule("digits", batch_size=50, val_size=300)
    whole = {mode: list(train(mode, tmp_path, data)[0].parameters()) for mode in ("manual", "autograd")}
    with FAULTS["BP4"]():
        broken = {mode: list(train(mode, tmp_path, data)[0].parameters()) for mode in ("manual", "autograd")}
    assert all(torch.equal(a, b) for a, b in zip(whole["autograd"], broken["autograd"], strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(whole["manual"], broken["manual"], strict=True))


@pytest.mark.mnist
@pytest.mark.parametrize("cost", ["quadratic", "cross_entropy"])
def test_an_epoch_of_mnist_is_the_same(cost, tmp_path, without_shape_checks):
    data = MNISTDataModule(batch_size=10)
    model = {"cost": cost, "dropout": 0.0, "l2": 0.0, "optimizer": lambda p: SGD(p, lr=0.5)}
    for precision in ("64-true", "32-true"):
        arguments = {"model": model, "max_epochs": 1, "precision": precision}
        (by_hand, first), (by_autograd, second) = (
            train(mode, tmp_path, data, [30], **arguments) for mode in ("manual", "autograd")
        )
        assert first.callback_metrics["val/acc"] == second.callback_metrics["val/acc"]
        if precision == "64-true":
            for value, reference in zip(by_hand.parameters(), by_autograd.parameters(), strict=True):
                torch.testing.assert_close(value, reference, rtol=0, atol=1e-10)


@pytest.mark.parametrize("model", [{}, {"adversarial": 1.0}, {"max_norm": 1.0}], ids=str)
@pytest.mark.parametrize("mode", ["manual", "autograd"])
@pytest.mark.parametrize("steps", [1, "auto"])
def test_the_live_check_logs_and_does_not_disturb_the_training(steps, mode, model, tmp_path):
    data = MNISTDataModule("digits", batch_size=50, val_size=300, steps_per_execution=steps)
    plain, _ = train(mode, tmp_path, data, model=model)
    check, logger = GradientCheck(every_n_steps=10), CSVLogger(tmp_path, "log")
    checked, fitter = train(mode, tmp_path, data, model=model, callbacks=[check], logger=logger)
    loader = fitter.train_dataloader
    assert isinstance(loader, DeviceLoader)
    assert loader.steps_per_execution == (1 if steps == 1 else 100)
    with open(f"{logger.log_dir}/metrics.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["gradients/max_relative_error"]]
    assert [int(row["step"]) for row in rows] == [0, 10, 20, 30, 40]
    assert all(0 <= float(row["gradients/max_relative_error"]) < 1e-5 for row in rows)
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), checked.parameters(), strict=True))


@pytest.mark.parametrize("mode", ["manual", "autograd"])
@pytest.mark.parametrize("steps", [1, "auto"])
def test_the_live_check_stops_a_training_whose_gradients_are_wrong(steps, mode, tmp_path):
    data = MNISTDataModule("digits", batch_size=50, val_size=300, steps_per_execution=steps)
    message = (
        r"gradient is off autograd's by .* at step 1, most of all that of layers.\d.bias, and the tolerance is 3.8e-06"
    )
    with FAULTS["BP3"](), pytest.raises(FloatingPointError, match=message):
        train(mode, tmp_path, data, callbacks=[GradientCheck()])


@pytest.mark.parametrize("model", [{"l1": 50.0}, {"l2": 50.0}])
@pytest.mark.parametrize("steps", [1, "auto"])
def test_the_live_check_sees_the_penalties_that_are_really_there(steps, model, tmp_path):
    data = MNISTDataModule("digits", batch_size=50, val_size=300, steps_per_execution=steps)
    with (
        FAULTS["L1"](),
        FAULTS["L2"](),
        pytest.raises(FloatingPointError, match=r"most of all that of layers.\d.weight"),
    ):
        train("manual", tmp_path, data, model=model, callbacks=[GradientCheck()])


@pytest.mark.parametrize("trainer", [{"accumulate_grad_batches": 4}, {"gradient_clip_val": 0.05}], ids=str)
def test_the_live_check_with_accumulation_and_clipping(trainer, tmp_path):
    data = MNISTDataModule("digits", batch_size=50, val_size=300, steps_per_execution="auto")
    train("manual", tmp_path, data, callbacks=[GradientCheck(every_n_steps=1)], **trainer)


def test_the_live_check_passes_over_a_loss_of_zero(tmp_path):
    model = MLPClassifier([4], gradients="manual")
    check, logged = GradientCheck(1), []

    class Perfect(Callback):
        """Makes the first two losses 0, as those of a network that is sure and right."""

        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            if batch_idx < 2:
                batch[1].fill_(3)
                model.mlp.biases[1].data.copy_(500 * torch.eye(10)[3])

    seed_everything(0, verbose=False)
    data = MNISTDataModule("digits", batch_size=50, val_size=300)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    monitored = Trainer(max_steps=5, default_root_dir=tmp_path, callbacks=[Perfect(), check], **quiet)
    check._compare = lambda *arguments: logged.append(arguments[-1])  # pyright: ignore[reportAttributeAccessIssue]
    monitored.fit(model, data)
    assert logged[0] == 2


def test_a_network_that_is_not_trained_by_hand_is_not_compared_in_blocks():
    case = next(case for case in grid() if case.activation == "tanh")
    mlp, xs, labels = case.build()
    with pytest.raises(ValueError, match="a network in eval mode, with hooks or with frozen parameters"):
        compare_block(mlp.eval(), xs, labels, OPTIMIZERS["SGD"])


def test_the_live_check_allows_for_low_precision(tmp_path):
    data = MNISTDataModule("digits", batch_size=50, val_size=300)
    train("manual", tmp_path, data, callbacks=[GradientCheck(every_n_steps=5)], precision="bf16-mixed")


def test_the_live_check_stops_at_nan(tmp_path):
    class Spoil(Callback):
        def on_before_backward(self, trainer, pl_module, loss):
            next(pl_module.parameters()).data.fill_(math.nan)

    data = MNISTDataModule("digits", batch_size=50, val_size=300)
    with pytest.raises(FloatingPointError, match="gradient is off autograd's by nan"):
        train("manual", tmp_path, data, callbacks=[Spoil(), GradientCheck()])


def test_the_live_check_refuses_a_step_of_zero():
    with pytest.raises(ValueError, match="every_n_steps must be at least 1; got 0"):
        GradientCheck(every_n_steps=0)


def test_what_disagrees_is_a_table_of_80_columns(monkeypatch, capsys, without_shape_checks):
    cases = [case for case in grid() if case.dtype == torch.float64 and case.batch_size == 8]
    monkeypatch.setattr(verification, "grid", lambda: cases)
    monkeypatch.setenv("COLUMNS", "80")
    assert verification.run(["--break", "BP2"]) == 1
    out = capsys.readouterr().out
    assert "{" not in out
    assert max(map(len, out.splitlines())) <= 80
    assert "binary_cross_entropy" in out  # no name is cut
    wrong = dict(re.findall(r"^ *5-7-4-6-3 +layers\.(\d)\.weight +(\d+) of \d+", out, re.MULTILINE))
    assert int(wrong["0"]) > 0
    assert int(wrong["2"]) > 0
    assert wrong["3"] == "0"  # BP2 is the hidden layers' alone
    assert re.search(r"^ *5-3 +layers\.0\.weight +0 of \d+ *$", out, re.MULTILINE)
