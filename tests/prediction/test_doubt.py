import numpy as np
import pytest
from handwriting.drawing import file_of, image_of, page
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_sample_image

from mnist_mlp import load
from mnist_mlp.prediction import UNSURE
from mnist_mlp.prediction.doubt import MANY, MOST_PIECES, ink_of, is_text, is_uneven

pytestmark = pytest.mark.usefixtures("without_shape_checks")

WORDS = ["A", "network", "has", "to", "answer", "of", "its", "classes", "and", "often", "none", "that", "handwriting"]


@pytest.fixture(scope="module")
def network(digits_run):
    return load("best", digits_run)


def text_page(size, seed):
    """A scan of 600 x 800 pixels, full of words in a font of a size in pixels."""
    rng = np.random.default_rng(seed)
    image = Image.new("L", (600, 800), 235)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size)
    for top in range(size, 800 - 2 * size, round(1.4 * size)):
        pen.text((size, top), " ".join(rng.choice(WORDS, 600 // (4 * size))), 40, font)
    return np.clip(np.asarray(image) + rng.normal(0, 4, (800, 600)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", [16, 24, 32, 40])
def test_a_page_of_text_holds_no_digits(network, size):
    verdicts = [network.predict(text_page(size, seed)) for seed in range(3)]
    for found in verdicts:
        assert not found or any(digit.unsure for digit in found)
    assert [] in verdicts


def test_photos_are_unsure(network):
    photo, sure, probable = load_sample_image("china.jpg"), 0, 0
    assert all(digit.unsure for digit in network.predict(photo))
    rng = np.random.default_rng(0)
    for _ in range(30):
        side = rng.integers(100, 400)
        top, left = rng.integers(photo.shape[0] - side), rng.integers(photo.shape[1] - side)
        found = network.predict(photo[top : top + side, left : left + side])
        sure += bool(found) and not any(digit.unsure for digit in found)
        probable += bool(found) and all(digit.probability >= UNSURE for digit in found)
    assert sure <= 0.7 * probable


def test_paper_is_even_and_a_photo_is_not():
    rng = np.random.default_rng(0)
    shade = np.linspace(150, 230, 400)[None, :] + np.linspace(-20, 20, 300)[:, None]
    noisy = image_of(page((3, 130, 70), paper=shade) + rng.normal(0, 6, (300, 400)))
    for picture in (image_of(page((3, 130, 70))), noisy, file_of(noisy.convert("RGB"), "JPEG", quality=40)):
        assert not is_uneven(ink_of(picture))
    assert is_uneven(ink_of(load_sample_image("china.jpg")))


def test_mnists_own_images_are_even():
    from mnist_mlp.handwriting import find_digits

    (digit,) = find_digits(image_of(page((3, 130, 70))))
    assert not is_uneven(ink_of(digit.image))
    assert not is_uneven(ink_of(255 - digit.image))


def test_a_sure_answer_on_no_paper_is_unsure(network):
    photo = Image.fromarray(load_sample_image("china.jpg")).crop((0, 200, 300, 427))
    large = image_of(page((1, 100, 60), size=(227, 300)))
    mixed = np.asarray(photo).astype(int) - (np.asarray(large) < 130)[:, :, None] * 255
    for digit in network.predict(mixed.clip(0, 255).astype(np.uint8)):
        assert digit.unsure


@pytest.mark.parametrize(
    ("n", "unsure", "text"), [(MANY - 1, MANY - 1, False), (MANY, 3, False), (MANY, 4, True), (30, 10, False)]
)
def test_many_unsure_digits_are_text(n, unsure, text):
    assert is_text(np.zeros((20, 20)), [True] * unsure + [False] * (n - unsure)) == text


def test_a_digit_in_many_pieces_is_text():
    ink = np.zeros((40, 10 * MOST_PIECES))
    for column in range(MOST_PIECES):
        ink[5:15, 10 * column : 10 * column + 4] = 1
    assert not is_text(ink, [False])
    ink[20, 20] = 1  # a speck
    assert not is_text(ink, [False])
    ink[25:35, 5:9] = 1
    assert is_text(ink, [False])
    assert not is_text(ink, [False, False])


def test_a_page_of_many_digits_is_read(network):
    placed = [
        (digit, 20 + 75 * column, 20 + 110 * row, 90)
        for row in range(3)
        for column, digit in enumerate([1, 7, 0, 4, 6])
    ]
    found = network.predict(image_of(page(*placed, size=(360, 420))))
    assert "".join(digit.name for digit in found) == "17046" * 3
