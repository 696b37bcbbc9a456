from math import cos, exp, floor, pi, radians, sin, sqrt, tan

import pytest
import torch

from mnist_mlp import MNISTDataModule
from mnist_mlp.data.distortions import NO_DISTORTION, Augmentation, affine_map, distort, elastic_field

ALL = Augmentation(
    rotation=15.0,
    shear=10.0,
    scaling=0.2,
    translation=2.0,
    alpha=(30.0, 40.0),
    sigma=(3.0, 6.0),
    halved_for=[1, 7],
)
SIZE = 9


def images(n=4, size=SIZE):
    return torch.rand(n, size, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pixel(image, x, y):
    """Bilinear interpolation at column x and row y, counted from 0, with background 0."""
    left, top = floor(x), floor(y)
    value = 0.0
    for row, column in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
        if 0 <= row < len(image) and 0 <= column < len(image):
            value += image[row][column] * (1 - abs(x - column)) * (1 - abs(y - row))
    return value


def distorted_slowly(image, matrix, shift, field):
    """Pixel after pixel."""
    middle = (len(image) - 1) / 2
    new = [[0.0] * len(image) for _ in image]
    for row in range(len(image)):
        for column in range(len(image)):
            x, y = column - middle, row - middle
            source_x = matrix[0][0] * x + matrix[0][1] * y + shift[0] + field[0][row][column]
            source_y = matrix[1][0] * x + matrix[1][1] * y + shift[1] + field[1][row][column]
            new[row][column] = pixel(image, source_x + middle, source_y + middle)
    return new


def test_distortions_equal_a_slow_reference_for_each_image():
    x = images()
    matrices, shifts = torch.randn(4, 2, 2, dtype=torch.float64), torch.randn(4, 2, dtype=torch.float64)
    fields = torch.randn(4, 2, SIZE, SIZE, dtype=torch.float64)
    expected = [distorted_slowly(*(t.tolist() for t in each)) for each in zip(x, matrices, shifts, fields, strict=True)]
    result = distort(x, matrices, shifts, fields)
    torch.testing.assert_close(result, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12)
    assert not torch.equal(result, x)
    expected = [
        distorted_slowly(*(t.tolist() for t in each)) for each in zip(x, matrices, shifts, 0 * fields, strict=True)
    ]
    result = distort(x, matrices, shifts, None)
    torch.testing.assert_close(result, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12)


def test_elastic_fields_equal_a_slow_convolution():
    noise = torch.rand(2, 2, SIZE, SIZE, generator=generator(), dtype=torch.float64) * 2 - 1
    alpha, sigma = torch.tensor([3.0, 34.0]).double(), torch.tensor([1.5, 4.0]).double()
    expected = torch.zeros_like(noise)
    for i, direction, row, column in torch.cartesian_prod(*(torch.arange(n) for n in noise.shape)).tolist():
        s = sigma[i].item()
        for r in range(SIZE):
            for c in range(SIZE):
                weight = exp(-((r - row) ** 2 + (c - column) ** 2) / (2 * s * s)) / (2 * pi * s * s)
                expected[i, direction, row, column] += alpha[i] * weight * noise[i, direction, r, c]
    torch.testing.assert_close(elastic_field(noise, alpha, sigma), expected)


def test_simards_displacements_are_of_a_pixel_or_two():
    noise = torch.rand(2000, 2, 28, 28, generator=generator()) * 2 - 1
    field = elastic_field(noise, torch.full((2000,), 34.0), torch.full((2000,), 4.0))
    inside = field[:, :, 10:18, 10:18]  # sd of U(-1, 1), times alpha, over 2 sqrt(pi) sigma
    assert inside.std().item() == pytest.approx(34 / sqrt(3) / (2 * sqrt(pi) * 4), rel=0.05)


def test_the_affine_map_is_rotation_shear_and_scale():
    a, b, sx, sy = radians(20), radians(10), 1.1, 0.8
    rotation = torch.tensor([[cos(a), -sin(a)], [sin(a), cos(a)]])
    shear, scale = torch.tensor([[1, tan(b)], [0, 1]]), torch.diag(torch.tensor([sx, sy]))
    result = affine_map(torch.tensor([a]), torch.tensor([b]), torch.tensor([[sx, sy]]))
    torch.testing.assert_close(result[0], rotation @ shear @ scale)


def test_a_quarter_turn_turns_the_image():
    x = images()
    turn = affine_map(torch.tensor([pi / 2]), torch.zeros(1), torch.ones(1, 2)).double().expand(4, -1, -1)
    torch.testing.assert_close(
        distort(x, turn, torch.zeros(4, 2).double(), None), x.rot90(1, (1, 2)), rtol=0, atol=1e-6
    )


def test_nothing_changes_where_nothing_is_asked_for():
    x, labels = images().float(), torch.arange(4)
    torch.testing.assert_close(NO_DISTORTION(x, labels, generator()), x)


def test_whether_there_is_anything_to_do():
    assert not NO_DISTORTION.distorts
    assert Augmentation(rotation=1.0).distorts
    assert Augmentation(shear=1.0).distorts
    assert Augmentation(scaling=0.1).distorts
    assert Augmentation(translation=1.0).distorts
    assert Augmentation(alpha=(0.0, 1.0)).distorts


def test_numbers_lie_within_their_limits_and_reach_them():
    labels = torch.arange(10).repeat(500)
    _, shifts, fields = ALL.draw(labels, 5, generator())
    assert fields is not None
    assert fields.mean().abs() < 0.02 * fields.std()
    assert 1.9 < shifts.abs().max() <= 2
    one_or_seven = (labels == 1) | (labels == 7)
    only_rotated = Augmentation(rotation=15.0, halved_for=[1, 7]).draw(labels, 5, generator())[0]
    angles = torch.rad2deg(torch.atan2(only_rotated[:, 1, 0], only_rotated[:, 0, 0])).abs()
    assert 7.4 < angles[one_or_seven].max() <= 7.5001
    assert 14.8 < angles[~one_or_seven].max() <= 15.0001
    sheared = Augmentation(shear=15.0, halved_for=[1, 7]).draw(labels, 5, generator())[0]
    slants = torch.rad2deg(torch.atan2(sheared[:, 0, 1], sheared[:, 1, 1])).abs()
    assert 7.4 < slants[one_or_seven].max() <= 7.5001
    assert 14.8 < slants[~one_or_seven].max() <= 15.0001
    scales = Augmentation(scaling=0.2).draw(labels, 5, generator())[0].diagonal(dim1=1, dim2=2)
    assert 0.8 <= scales.min() < 0.81
    assert 1.19 < scales.max() <= 1.2
    assert not torch.equal(scales[:, 0], scales[:, 1])


def test_alpha_and_sigma_reach_their_limits(monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "mnist_mlp.data.distortions.elastic_field", lambda _, alpha, sigma: drawn.extend((alpha, sigma))
    )
    Augmentation(alpha=(30.0, 40.0), sigma=(5.0, 6.0)).draw(torch.zeros(5000, dtype=torch.int64), 2, generator())
    for values, (low, high) in zip(drawn, ((30, 40), (5, 6)), strict=True):
        assert low <= values.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < values.max() <= high


def test_every_image_is_distorted_another_way_and_again_the_same_way():
    x, labels = images(1).float().expand(6, -1, -1), torch.zeros(6, dtype=torch.int64)
    once, again, other = (ALL(x, labels, generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(once, again)
    assert all(not torch.equal(once[i], once[j]) for i in range(6) for j in range(i))
    assert not torch.equal(once, other)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rotation": -1.0}, "rotation must lie between 0 and 180; got -1.0"),
        ({"shear": 90.0}, "shear must lie between 0 and 80; got 90.0"),
        ({"scaling": 1.0}, "scaling must lie between 0 and 0.99; got 1.0"),
        ({"translation": float("nan")}, "translation must lie between 0 and 28; got nan"),
        ({"alpha": (3.0, 2.0)}, "alpha must be two numbers, 0 <= smallest <= largest; got 3.0, 2.0"),
        ({"sigma": (0.0, 2.0)}, "sigma must be larger than 0; got 0.0"),
        ({"halved_for": [-1]}, r"halved_for must hold classes, counted from 0; got \[-1\]"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**arguments)


def batches(data, epoch=0):
    loader = data.train_dataloader()
    loader.batch_sampler.sampler.set_epoch(epoch)
    return [x.reshape(-1, x.shape[-1]) for x, _ in loader]


def data_module(**arguments):
    data = MNISTDataModule(**{"batch_size": 8, "val_size": 20, "augmentation": ALL} | arguments)
    data.setup()
    return data


@pytest.mark.usefixtures("tiny_mnist")
def test_epochs_are_distorted_differently_and_reproducibly():
    first = torch.cat(batches(data_module()))
    torch.manual_seed(7)
    assert torch.equal(torch.cat(batches(data_module())), first)
    assert torch.equal(torch.cat(batches(data_module(steps_per_execution=3))), first)
    plain = torch.cat(batches(data_module(augmentation=NO_DISTORTION)))
    assert not torch.equal(plain, first)
    in_order = data_module(shuffle=False, train_size=8)
    assert not torch.equal(batches(in_order)[0], batches(in_order, epoch=1)[0])
    assert not torch.equal(batches(in_order)[0], batches(data_module(shuffle=False, train_size=8, seed=1))[0])


@pytest.mark.usefixtures("tiny_mnist")
def test_a_resumed_epoch_is_distorted_as_if_it_had_not_stopped():
    whole = batches(data_module())
    loader = data_module().train_dataloader()
    loader.load_state_dict({"epoch": 0, "batch": 2})
    assert torch.equal(torch.cat([x for x, _ in loader]), torch.cat(whole[2:]))


@pytest.mark.usefixtures("tiny_mnist")
def test_distortions_share_no_random_numbers_with_the_order_of_the_images():
    loader = data_module(shuffle=False, train_size=8).train_dataloader()
    ((x, labels),) = loader
    plain = (loader.dataset.tensors[0].float() / 255).view(8, 28, 28)
    shared = ALL(plain, labels, loader.batch_sampler.sampler.generator(torch.device("cpu")))
    assert not torch.equal(x, shared.flatten(1))


@pytest.mark.usefixtures("tiny_mnist")
def test_only_training_images_are_distorted():
    data = data_module()
    validation = next(iter(data.evaluation_loader("val")))[0]
    assert torch.equal(validation, data.val_images.images.float() / 255)
    training = next(iter(data.evaluation_loader("train")))[0]
    assert torch.equal(training, data.train_images.images.float() / 255)


@pytest.mark.usefixtures("tiny_mnist")
def test_background_is_black_before_pixels_are_normalized():
    data = data_module(augmentation=Augmentation(translation=28.0), normalize=True)
    background = (0 - data.mean) / data.std
    x = torch.cat(batches(data))
    assert x.min().item() == pytest.approx(background, rel=1e-5)
    assert (x == x.min()).float().mean() > 0.3
