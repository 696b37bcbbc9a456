import numpy as np
import pytest

from mnist_mlp.handwriting.paper import THRESHOLD, ink_of_a_clean_drawing

PAPER, INK, EDGE = (250, 240, 220), (50, 40, 20), (150, 140, 120)


def drawing():
    colours = np.full((20, 20, 3), PAPER, dtype=np.uint8)
    colours[4:16, 8:12] = INK
    colours[4:16, 12] = EDGE
    return colours


def test_ink_of_a_clean_drawing_is_the_distance_from_the_papers_colour():
    ink = ink_of_a_clean_drawing(drawing())
    assert ink is not None
    assert (ink[:4] == 0).all()
    np.testing.assert_allclose(ink[5, 8:13], np.array([1, 1, 1, 1, 0.5]) / (2 * THRESHOLD), rtol=1e-6)


def test_grey_values_close_to_the_papers_are_not_counted_as_ink():
    colours = drawing()
    colours[1:3, 1:19] = (250, 240, 217)
    ink = ink_of_a_clean_drawing(colours)
    assert ink is not None
    np.testing.assert_allclose(ink[5, 8:13], np.array([1, 1, 1, 1, 0.5]) / (2 * THRESHOLD), rtol=1e-6)


def test_empty_paper_has_no_ink():
    ink = ink_of_a_clean_drawing(np.full((9, 9, 1), 7, dtype=np.uint8))
    assert ink is not None
    assert not ink.any()


@pytest.mark.parametrize("place", [(0, 5), (19, 5), (5, 0), (5, 19)])
def test_a_border_of_two_colours_is_no_clean_drawing(place):
    colours = drawing()
    colours[place] = (250, 240, 219)
    assert ink_of_a_clean_drawing(colours) is None


def test_paper_that_covers_less_than_half_is_no_clean_drawing():
    colours = drawing()
    colours[1:19, 1:13] = INK
    assert ink_of_a_clean_drawing(colours) is None
