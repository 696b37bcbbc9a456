import pytest
import torch
from torchmetrics.functional.classification import multiclass_calibration_error, multiclass_confusion_matrix

from mnist_mlp.dashboard.pictures import (
    BLUE,
    RED,
    WHITE,
    calibration,
    count_confusions,
    diverging,
    draw_captioned,
    draw_confusions,
    draw_digits,
    draw_reliability,
    draw_weights,
)


def test_colours_diverge_from_white_at_zero():
    colours = diverging(torch.tensor([-5.0, -2.0, 0.0, 2.0, 1.0]), 2.0)
    assert [tuple(c) for c in colours[:4].tolist()] == [BLUE, BLUE, WHITE, RED]
    assert colours[4].tolist() == pytest.approx([(w + r) / 2 for w, r in zip(WHITE, RED, strict=True)], abs=0.5)
    assert tuple(diverging(torch.zeros(()), 0.0).tolist()) == WHITE


def test_weights_are_tiles_in_order():
    w = torch.zeros(12, 784)
    w[0], w[11] = -1.0, 1.0
    picture = draw_weights(w)
    side = 28 * 2 + 2
    assert picture.shape == (2 * side + 2, 10 * side + 2, 3)
    assert tuple(picture[10, 10]) == BLUE
    assert tuple(picture[10, side + 10]) == WHITE
    assert tuple(picture[side + 10, side + 10]) == RED


def test_at_most_a_hundred_neurons_are_drawn():
    assert draw_weights(torch.randn(300, 784)).shape == draw_weights(torch.randn(100, 784)).shape


def test_digits_are_dark_on_white():
    images = torch.zeros(3, 841)
    images[1] = 1
    picture = draw_digits(images, columns=3)
    assert picture.shape[0] == 29 * 3 + 4
    assert picture[20, 20].tolist() == [255] * 3
    assert picture[20, 29 * 3 + 20].tolist() == [0] * 3


def test_captions_stand_below_their_digits():
    picture = draw_captioned(torch.zeros(11, 784), ["3, not 5\n99.9%", *[""] * 10])
    below = picture[28 * 3 + 8 : 28 * 3 + 52]
    assert (below[:, :92] < 128).any()
    assert (below[:, 92:] == 255).all()
    assert picture.shape[0] == 3 * (28 * 3 + 52)  # five in a row


@pytest.mark.parametrize("caption", ["8", "a very long name of a class"])
def test_captions_are_legible_where_tensorboard_shows_the_picture_340_pixels_wide(caption):
    picture = draw_captioned(torch.zeros(30, 784), [caption] * 30)
    height = 28 * 3 + 8 + 24
    (rows,) = (picture[28 * 3 + 8 : height, :92].min(axis=(1, 2)) < 128).nonzero()
    assert picture.shape[0] % height == 0
    assert (rows[-1] - rows[0] + 1) * 340 / picture.shape[1] >= 9  # the height of its letters on the screen


def test_confusions_are_counted_as_torchmetrics_does():
    labels, predicted = torch.randint(10, (2, 500), generator=torch.Generator().manual_seed(0))
    counts = count_confusions(labels, predicted, 10)
    assert torch.equal(counts, multiclass_confusion_matrix(predicted, labels, 10))


def test_mistakes_are_red_and_what_is_right_is_blue():
    counts = torch.diag(torch.full((10,), 900))
    counts[2, 7] = 5
    picture = draw_confusions(counts, [str(i) for i in range(10)]).astype(int)
    cell, margin = 44, 46
    right, wrong, none = (picture[margin + i * cell + 4, margin + j * cell + 4] for i, j in ((3, 3), (2, 7), (7, 2)))
    assert right[2] > right[0] + 30
    assert tuple(wrong) == RED
    assert tuple(none) == WHITE


def test_classes_stand_at_the_confusion_matrix_by_their_names():
    counts = torch.eye(3, dtype=torch.long)
    short = draw_confusions(counts, ["a", "b", "c"])
    assert short.shape == (46 + 3 * 44 + 8,) * 2 + (3,)
    other = draw_confusions(counts, ["a", "b", "d"])
    rows, columns = (short != other).any(axis=2).nonzero()
    at_the_row, above_the_column = columns < 46, rows < 46
    assert (at_the_row | above_the_column).all()
    assert at_the_row.any()
    assert above_the_column.any()
    long = draw_confusions(counts, ["a", "b", "Ankle boot"])
    assert long.shape[0] > short.shape[0]
    assert draw_confusions(counts, ["a", "b", "Ankle boot" * 99]).shape[0] < 400


def test_many_classes_have_small_cells():
    picture = draw_confusions(torch.eye(62, dtype=torch.long), [str(i) for i in range(62)])
    assert picture.shape[0] == 46 + 62 * 30 + 8


def test_a_caption_is_as_high_as_its_lines_and_not_wider_than_its_image():
    images = torch.zeros(2, 784)
    assert draw_captioned(images, ["a\nnot b\n0.9", "c"]).shape == (28 * 3 + 8 + 64, 2 * 92, 3)
    picture = draw_captioned(images, ["a very long name of a class", ""])
    assert picture.shape[1] == 2 * 116
    assert (picture[28 * 3 + 8 :, 116:] == 255).all()


@pytest.mark.parametrize("n", [1, 7, 2000])
def test_the_calibration_error_is_torchmetrics(n):
    generator = torch.Generator().manual_seed(n)
    probabilities = torch.softmax(3 * torch.randn(n, 10, generator=generator), dim=1)
    labels = torch.randint(10, (n,), generator=generator)
    confidence, predicted = probabilities.max(dim=1)
    measured = calibration(confidence, predicted == labels)
    expected = multiclass_calibration_error(probabilities, labels, 10, n_bins=10, norm="l1")
    assert measured.error == pytest.approx(expected.item(), abs=1e-6)
    assert measured.share.sum().item() == pytest.approx(1)
    assert (measured.share @ measured.confidence).item() == pytest.approx(confidence.mean().item(), abs=1e-6)
    assert (measured.share @ measured.accuracy).item() == pytest.approx(
        (predicted == labels).float().mean().item(), abs=1e-6
    )


def test_bars_are_as_high_as_the_network_is_right():
    confidence = torch.tensor([0.95, 0.95, 0.55, 0.55])
    picture = draw_reliability(calibration(confidence, torch.tensor([True, True, True, False]))).astype(int)
    left, top, side = 56, 40, 360
    column = {low: picture[top + 20 : top + side - 2, left + int((low + 0.02) * side)] for low in (0.1, 0.5, 0.9)}
    blue = {low: (pixels == BLUE).all(axis=1).mean() for low, pixels in column.items()}
    assert blue[0.1] == 0
    assert blue[0.5] == pytest.approx(0.5, abs=0.05)
    assert blue[0.9] == pytest.approx(1, abs=0.05)


def test_a_bin_holds_its_upper_edge():
    assert calibration(torch.tensor([0.5]), torch.tensor([True])).share.argmax().item() == 4


def test_zeros_and_ones_have_a_bin():
    share = calibration(torch.tensor([0.0, 1.0]), torch.tensor([False, True])).share
    assert share.tolist() == [0.5, *[0.0] * 8, 0.5]
