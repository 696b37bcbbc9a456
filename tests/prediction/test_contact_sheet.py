import numpy as np
import pytest
from handwriting.drawing import image_of, page
from prediction.networks import random_images, untrained

from mnist_mlp.dashboard.pictures import BLUE, LIGHT, RED
from mnist_mlp.prediction import Prediction
from mnist_mlp.prediction.answer import Answer
from mnist_mlp.prediction.contact_sheet import LEFT, MOST_DIGITS, MOST_PICTURES, ORIGINAL, contact_sheet

pytestmark = pytest.mark.usefixtures("without_shape_checks")
DIGITS = tuple("0123456789")


@pytest.fixture
def answer(tmp_path):
    """An answer with so many digits, whose picture is there."""
    path = tmp_path / "page.png"
    image_of(page((3, 130, 70))).save(path)

    def answer(n=1, probability=0.95, names=DIGITS, unsure=False, file="page.png"):
        p = np.full(len(names), (1 - probability) / (len(names) - 1), dtype=np.float32)
        p[3] = probability
        image = random_images(1)[0].numpy()
        digit = Prediction(names[3], probability, names[1], float(p[1]), p, (130, 70, 250, 190), image, unsure)
        return Answer(file, path, [digit] * n)

    return answer


def has(image, colour):
    return bool((np.asarray(image) == np.array(colour)).all(axis=2).any())


def test_it_shows_what_the_network_sees(answer):
    each = answer()
    sheet = np.asarray(contact_sheet([each], DIGITS))
    seen = np.repeat(np.repeat(each.digits[0].image, 4, 0), 4, 1)
    places = [
        (y, x) for y in range(len(sheet) - 111) for x in (LEFT,) if (sheet[y : y + 112, x : x + 112, 0] == seen).all()
    ]
    assert len(places) == 1


def test_a_box_stands_around_the_digit(answer):
    sheet = np.asarray(contact_sheet([answer()], DIGITS))[:, :LEFT]
    rows, columns = np.nonzero((sheet == np.array(BLUE)).all(axis=2))
    zoom = ORIGINAL[1] / 300
    assert np.ptp(columns) == pytest.approx(120 * zoom, abs=3)
    assert np.ptp(rows) == pytest.approx(120 * zoom, abs=3)
    assert columns.min() - 16 == pytest.approx(130 * zoom, abs=3)


def test_the_bars_are_as_long_as_the_probabilities(answer):
    def blue(probability):
        sheet = np.asarray(contact_sheet([answer(probability=probability)], DIGITS))[:, LEFT + 112 :]
        return int((sheet == np.array(BLUE)).all(axis=2).sum(axis=1).max())

    assert blue(1.0) == pytest.approx(2 * blue(0.5), abs=3)


def test_what_is_unsure_is_red(answer):
    assert not has(contact_sheet([answer()], DIGITS), RED)
    assert has(contact_sheet([answer(unsure=True)], DIGITS), RED)
    assert not has(contact_sheet([answer(unsure=True)], DIGITS), BLUE)


def test_only_so_much_is_drawn(answer):
    full = contact_sheet([answer()] * MOST_PICTURES, DIGITS)
    assert full.height < contact_sheet([answer()] * (MOST_PICTURES + 1), DIGITS).height < full.height + 50
    many = contact_sheet([answer(MOST_DIGITS)], DIGITS)
    assert many.height < contact_sheet([answer(MOST_DIGITS + 40)], DIGITS).height < many.height + 50


@pytest.mark.parametrize(
    "names", [("Ankle boot", "Bag", "Coat", "A very long name of a class"), [str(i) for i in range(47)]]
)
def test_other_classes_fit(answer, names):
    assert contact_sheet([answer(names=names)], names).size == contact_sheet([answer()], DIGITS).size


def test_files_that_cannot_be_read_and_long_names_fit(answer, tmp_path):
    long = answer(file="x" * 300 + ".png")
    problem = Answer("gone.png", tmp_path / "gone.png", problem="is not a file, " * 30)
    nothing = Answer("page.png", tmp_path / "page.png")
    sheet = contact_sheet([long, problem, nothing], DIGITS)
    assert sheet.width == contact_sheet([answer()], DIGITS).width
    outside = np.asarray(sheet)[:, -16:]
    assert ((outside == 255) | (outside == np.array(LIGHT))).all()  # the lines between them end there


def test_the_networks_own_answers_are_drawn(tmp_path):
    path = tmp_path / "a.png"
    image_of(page((3, 20, 70), (1, 200, 80))).save(path)
    network = untrained()
    sheet = contact_sheet([Answer("a.png", path, network.predict(path))], network.class_names)
    assert sheet.mode == "RGB"
