import csv
from pathlib import Path

import numpy as np
import pytest
from handwriting.drawing import IMAGES, LABELS, file_of, image_of, ink, overlap, page
from PIL import Image
from scipy import ndimage

from mnist_mlp.handwriting import find_digits

PICTURES = Path(__file__).parents[3] / "shared" / "handwriting"


def images(picture):
    return [digit.image for digit in find_digits(picture)]


def assert_found(picture, *labels):
    """The picture's digits look like those that were drawn."""
    found = images(picture)
    assert len(found) == len(labels)
    for image, label in zip(found, labels, strict=True):
        (alone,) = images(page((label, 140, 90), paper=255.0, dark=0.0))
        shared = overlap(image, alone)
        assert shared > 0.75


@pytest.mark.parametrize("label", range(10))
def test_a_digit_is_made_as_mnist_was(label):
    (digit,) = find_digits(page((label, 60, 150)))
    assert digit.image.dtype == np.uint8
    assert digit.image.shape == (28, 28)
    rows, columns = np.nonzero(digit.image)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (19, 20)
    assert digit.image.max() == 255
    assert np.abs(np.subtract(ndimage.center_of_mass(digit.image), 14)).max() <= 0.5
    rows, columns = np.nonzero(ink(label))
    expected = columns.min() + 60, rows.min() + 150, columns.max() + 61, rows.max() + 151
    assert np.abs(np.subtract(digit.box, expected)).max() <= 4


@pytest.mark.parametrize(("paper", "dark"), [(255, 0), (0, 255), (200, 170), (60, 110), (128, 20)])
def test_the_polarity_is_found(paper, dark):
    assert_found(page((5, 90, 100), paper=float(paper), dark=float(dark)), 5)


@pytest.mark.parametrize("share", [0.01, 0.04])
def test_noise_and_uneven_light_are_taken_off(share):
    rng = np.random.default_rng(0)
    light = np.linspace(220, 120, 400) - 30 * np.linspace(-1, 1, 300)[:, None] ** 2
    grey = page((4, 200, 90), paper=light, dark=40.0) + rng.normal(0, 255 * share, (300, 400))
    assert_found(file_of(image_of(grey), "JPEG", quality=60), 4)


def test_a_shadow_and_a_table_are_no_ink():
    light = np.full((600, 800), 180.0)
    light[:, 560:] = 240
    light[500:] = 40
    assert_found(image_of(page((2, 200, 200, 100), (3, 340, 200, 100), size=(600, 800), paper=light, dark=30.0)), 2, 3)


def test_colours_on_colours():
    strength = ink(7)[:, :, None]
    colours = np.array([250, 210, 40]) * strength + np.array([90, 200, 230]) * (1 - strength)
    large = np.full((300, 400, 3), [90, 200, 230], dtype=np.uint8)
    large[90:210, 140:260] = colours
    assert_found(large, 7)


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("slope", [0.0, 0.05])
def test_the_lines_of_ruled_paper_are_taken_off(squared, slope):
    y, x = np.mgrid[:300, :400]
    lines = (y + slope * x) % 40 < 3
    if squared:
        lines |= (x - slope * y) % 40 < 3
    paper = np.where(lines, 120.0, 220.0)
    assert_found(image_of(page((3, 130, 70, 150), size=(300, 400), paper=paper, dark=30.0)), 3)


@pytest.mark.parametrize("fanning", [-0.1, 0.1])
def test_ruled_lines_that_fan_out_are_taken_off(fanning):
    y, x = np.mgrid[:300, :400]
    lines = (y + fanning * (1 - 2 * y / 300) * (x - 200)) % 40 < 3
    paper = np.where(lines, 120.0, 220.0)
    assert_found(image_of(page((3, 130, 70, 150), size=(300, 400), paper=paper, dark=30.0)), 3)


def test_digits_are_found_in_reading_order():
    rows = [(3, 30, 60, 80), (5, 110, 40, 80), (0, 190, 20, 80), (7, 20, 170, 80), (9, 100, 185, 80)]
    assert_found(image_of(page(*reversed(rows))), 3, 5, 0, 7, 9)


def test_a_row_may_climb():
    assert_found(
        image_of(page(*[(label, 10 + 64 * i, 200 - 34 * i, 62) for i, label in enumerate([3, 6, 2, 8, 5])])),
        3,
        6,
        2,
        8,
        5,
    )


def test_a_broken_stroke_is_one_digit_and_specks_are_none():
    grey = page((3, 130, 70, 150))
    grey[140:145] = 200
    grey[20:24, 30:34] = grey[250:253, 350:353] = 60
    assert_found(image_of(grey), 3)


def test_an_open_4_whose_arm_is_broken_off_is_one_digit():
    grey = np.full((300, 400), 220.0) + np.random.default_rng(0).normal(0, 1, (300, 400))
    grey[60:160, 120:128] = grey[152:160, 120:182] = 40  # half as tall as the other stroke, and a little more
    grey[60:252, 190:198] = 40
    (digit,) = find_digits(image_of(grey))
    assert np.abs(np.subtract(digit.box, (120, 60, 198, 252))).max() <= 4


def test_small_digits_of_a_large_page_are_looked_at_closely():
    rows = [(3, 600, 500, 60), (5, 670, 500, 60), (8, 740, 500, 60)]
    assert_found(image_of(page(*rows, size=(1200, 1600))), 3, 5, 8)


@pytest.mark.parametrize("kind", ["array", "PNG", "JPEG"])
def test_tiny_digits_of_a_photograph_are_looked_at_with_all_its_pixels(kind):
    grey = image_of(page((3, 900, 1500, 60), (5, 970, 1500, 60), (8, 1040, 1500, 60), size=(2250, 3000)))
    picture = np.asarray(grey) if kind == "array" else file_of(grey, kind)
    assert_found(picture, 3, 5, 8)
    left, top, right, bottom = find_digits(picture)[1].box
    rows, columns = np.nonzero(ink(5, 60))
    expected = columns.min() + 970, rows.min() + 1500, columns.max() + 971, rows.max() + 1501
    assert np.abs(np.subtract((left, top, right, bottom), expected)).max() <= 4


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (2, 2), (8, 8), (28, 28), (300, 400), (3000, 2)])
@pytest.mark.parametrize("grey", [0, 128, 255])
def test_blank_paper_has_no_digit(shape, grey):
    assert find_digits(np.full(shape, grey, dtype=np.uint8)) == []


def test_noise_is_looked_at_without_an_error():
    for shape in ((1, 2), (5, 5), (64, 64), (200, 300, 3)):
        for digit in find_digits(np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)):
            assert digit.image.shape == (28, 28)


@pytest.mark.parametrize("label", range(10))
def test_eight_by_eight_pixels_are_enough(label):
    image = (IMAGES[list(LABELS).index(label)] * 15.9).astype(np.uint8)
    assert len(find_digits(np.pad(image, 1))) == 1


@pytest.mark.parametrize("label", range(10))
def test_what_is_made_like_mnist_comes_back_bit_for_bit(label):
    (digit,) = find_digits(page((label, 60, 150)))
    for picture in (
        digit.image,
        Image.fromarray(digit.image),
        file_of(Image.fromarray(digit.image)),
        255 - digit.image,
    ):
        (again,) = find_digits(picture)
        np.testing.assert_array_equal(again.image, digit.image)


@pytest.mark.mnist
def test_mnist_comes_back_bit_for_bit():
    from mnist_mlp import MNISTDataModule

    data = MNISTDataModule()
    data.prepare_data()
    data.setup("test")
    for image in data.test_images.images.view(-1, 28, 28).numpy():
        (digit,) = find_digits(image)
        np.testing.assert_array_equal(digit.image, image)


@pytest.mark.skipif(not PICTURES.exists(), reason="the pictures of ../shared/handwriting are not here")
def test_as_many_digits_are_found_in_real_pictures_as_are_there():
    with (PICTURES / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    right = [len(find_digits(PICTURES / row["file"])) == len(row["label"]) for row in rows]
    assert sum(right) >= 0.98 * len(right)
