from typing import cast

import numpy as np
import pytest
import torch
from scipy import ndimage

from mnist_mlp import MNISTDataModule
from mnist_mlp.data.drawn_digits import JITTER, POINTS, SHAPES, draw, drawn_digits, ink_along, jittered, spline


def test_digits_are_equally_frequent_and_come_in_any_order():
    digits = drawn_digits(1003)
    counts = torch.bincount(digits.labels, minlength=10)
    assert counts.sum() == 1003
    assert counts.max() - counts.min() <= 1
    assert len(digits.labels[:30].unique()) > 5


def test_the_same_seed_draws_the_same_digits():
    first, again, other = drawn_digits(50), drawn_digits(50), drawn_digits(50, seed=1)
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.labels, again.labels)
    assert not torch.equal(first.images, other.images)


@pytest.mark.parametrize("label", SHAPES)
def test_each_shape_is_made_as_mnist_was(label):
    generator = torch.Generator().manual_seed(0)
    for shape in SHAPES[label]:
        for image in draw(shape, 5, generator).numpy():
            rows, columns = np.nonzero(image)
            assert 18 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 20
            assert np.abs(np.subtract(ndimage.center_of_mass(image), 13.5)).max() <= 0.51
            assert image.max() == 255
            # the shares of ink of MNIST's thinnest and thickest digits
            assert 0.02 < image.mean() / 255 < 0.35


def test_no_two_drawings_of_a_shape_are_the_same():
    images = draw(SHAPES[1][0], 20, torch.Generator().manual_seed(0)).flatten(1)
    assert len(images.unique(dim=0)) == 20


def test_a_spline_goes_through_its_points_and_straight_ones_stay_straight():
    points = torch.tensor([[[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]], [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]])
    curve = spline(points)
    torch.testing.assert_close(curve[0, :, 1], 2 * curve[0, :, 0])
    for i in range(3):
        assert (curve[1] - points[1, i]).norm(dim=1).min() < 1e-6
    assert curve[1, :, 0].max() > 1  # it swings round the corner


def test_strokes_of_one_pen_meet_where_curves_share_a_point():
    seven = draw(SHAPES[7][0], 50, torch.Generator().manual_seed(0))
    for image in (seven > 0).numpy():
        _, pieces = cast(tuple[np.ndarray, int], ndimage.label(image, structure=np.ones((3, 3))))
        assert pieces == 1


def test_a_point_that_two_curves_share_is_moved_once():
    pen = jittered([[(0.0, 0.0), (0.5, 0.5)], [(0.5, 0.5), (1.0, 0.0)]], 20, torch.Generator().manual_seed(0))
    torch.testing.assert_close(pen[:, POINTS - 1], pen[:, POINTS])
    assert (pen[:, POINTS] - 0.5).abs().max() > JITTER


def test_ink_is_as_wide_as_the_pen():
    pen = torch.stack([torch.full((200,), 10.0), torch.linspace(5, 15, 200)], dim=1)[None]
    row = ink_along(pen, torch.tensor([2.0]))[0, 10]
    torch.testing.assert_close(row[8:12], torch.tensor([0.0, 1.0, 1.0, 0.0]), atol=0.01, rtol=0)
    assert row.sum() == pytest.approx(2, abs=0.02)


def test_no_end_of_a_stroke_is_cut_off():
    images = draw([[(0.0, 0.0), (0.0, 1.0)]], 300, torch.Generator().manual_seed(0)).float()
    rows = [image[image.sum(1) > 0].sum(1) for image in images]
    first, last = (float(torch.stack([each[i] for each in rows]).mean()) for i in (0, -1))
    assert first == pytest.approx(last, rel=0.1)


def test_they_train_behind_the_data_sets_images_and_do_not_validate():
    data = MNISTDataModule("digits", val_size=300, train_size=100, drawn_digits=40, image_size=30)
    data.prepare_data()
    data.setup()
    assert data.train_images.images.shape == (140, 900)
    assert torch.equal(data.train_images.labels[100:], drawn_digits(40).labels)
    assert torch.equal(data.train_images.images[100:].view(-1, 30, 30)[:, :28, :28].flatten(1), drawn_digits(40).images)
    assert len(data.val_images.labels) == 300
