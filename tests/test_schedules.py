import pytest
import torch
from torch.optim.lr_scheduler import ExponentialLR, LinearLR, SequentialLR

from mnist_mlp.schedules import RisingMomentum, SchedulesInTurn


def optimizer():
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5, momentum=0.1)


def test_momentum_rises_along_a_line_and_the_rate_falls_by_a_factor():
    sgd = optimizer()
    schedule = RisingMomentum(sgd, start=0.5, end=0.9, total_iters=4, gamma=0.5)
    seen = []
    for _ in range(6):
        seen.append((sgd.param_groups[0]["momentum"], sgd.param_groups[0]["lr"]))
        sgd.step()
        schedule.step()
    momenta, rates = zip(*seen, strict=True)
    assert momenta == pytest.approx((0.5, 0.6, 0.7, 0.8, 0.9, 0.9))
    assert rates == pytest.approx((0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625))


def test_it_goes_on_where_it_stopped():
    one, other = optimizer(), optimizer()
    schedule, resumed = RisingMomentum(one, 0.5, 0.9, 4, 0.9), RisingMomentum(other, 0.5, 0.9, 4, 0.9)
    one.step()
    schedule.step()
    resumed.load_state_dict(schedule.state_dict())
    other.load_state_dict(one.state_dict())
    for sgd, each in ((one, schedule), (other, resumed)):
        sgd.step()
        each.step()
    assert one.param_groups[0]["momentum"] == other.param_groups[0]["momentum"] == pytest.approx(0.7)
    assert one.param_groups[0]["lr"] == other.param_groups[0]["lr"] == pytest.approx(0.5 * 0.81)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": -0.1}, r"start must lie in \[0, 1\); got -0.1"),
        ({"end": 1.0}, r"end must lie in \[0, 1\); got 1.0"),
        ({"total_iters": 0}, "total_iters must be at least 1; got 0"),
        ({"gamma": 0.0}, "gamma must be larger than 0; got 0.0"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        RisingMomentum(optimizer(), **arguments)


def test_an_optimizer_without_momentum_is_refused():
    adam = torch.optim.Adam([torch.zeros(1, requires_grad=True)])
    with pytest.raises(ValueError, match="the optimizer must have a momentum; got Adam"):
        RisingMomentum(adam)


def rates(sgd, schedule):
    seen = []
    for _ in range(6):
        seen.append(sgd.param_groups[0]["lr"])
        sgd.step()
        schedule.step()
    return seen


def test_schedules_in_turn_are_torchs():
    one, other = optimizer(), optimizer()
    parts = [LinearLR(one, total_iters=3), ExponentialLR(one, 0.5)]
    expected = rates(one, SequentialLR(one, parts, [3]))
    makers = [lambda sgd: LinearLR(sgd, total_iters=3), lambda sgd: ExponentialLR(sgd, 0.5)]
    assert rates(other, SchedulesInTurn(other, makers, [3])) == expected
    assert expected == pytest.approx([0.5 / 3, 0.5 * 5 / 9, 0.5 * 7 / 9, 0.5, 0.25, 0.125])


def test_schedules_in_turn_need_the_steps_between_them():
    with pytest.raises(ValueError, match=r"^milestones must be one less than schedulers, .*; got 2 for 1 schedulers$"):
        SchedulesInTurn(optimizer(), [lambda sgd: ExponentialLR(sgd, 0.5)], [1, 2])
