"""What a person does on the page, in a real browser."""

import numpy as np
import pytest
from drawing.conftest import draw_strokes, network, readings, result, saved_png
from drawing.strokes import ONE, THREE

from mnist_mlp.drawing.stored_network import stored_network

pytestmark = pytest.mark.usefixtures("without_shape_checks")
PHONE = {"viewport": {"width": 400, "height": 800}, "has_touch": True, "is_mobile": True}
CONTRAST = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => parts(colour).slice(0, 3).map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (node) => {
    const colour = getComputedStyle(node).backgroundColor;
    return parts(colour)[3] === 0 ? ground(node.parentElement) : colour;
  };
  const hasText = (node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
  const isShown = (node) => !node.closest('script, style, noscript, .unseen') && node.getClientRects().length;
  return [...document.body.querySelectorAll('*')].filter((node) => hasText(node) && isShown(node)).map((node) => {
    const pair = [light(getComputedStyle(node).color), light(ground(node))];
    return [node.textContent, (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05)];
  });
}"""


def by_mouse(page, points):
    box = page.locator("#sheet").bounding_box()
    places = [(box["x"] + x * box["width"] / 480, box["y"] + y * box["height"] / 480) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=3)
    page.mouse.up()


def inked(page):
    return page.evaluate("page.sheet.ink.values.reduce((sum, grey) => sum + (grey > 127), 0)")


def test_the_mouse_draws_what_a_stroke_is(opened):
    page = opened(network(20))
    draw_strokes(page, [ONE])
    expected = saved_png(page)
    page.locator("#clear").click()
    by_mouse(page, ONE)
    found = inked(page)
    assert found > 5000
    page.mouse.move(300, 300)
    assert inked(page) == found
    page.locator("#undo").click()
    assert inked(page) == 0
    page.locator("#undo").click()  # of the clearing
    assert saved_png(page) == expected


def test_the_outermost_pixels_remain_paper(opened):
    page = opened(network(20))
    draw_strokes(page, [[[0, 0], [480, 0], [480, 480], [0, 480], [0, 0]]])
    ink = np.reshape(result(page, "[...page.sheet.ink.values]"), (480, 480))
    assert not any(side.any() for side in (ink[0], ink[-1], ink[:, 0], ink[:, -1]))
    assert ink[1, 1:-1].all()


def test_other_buttons_of_the_mouse_draw_nothing(opened):
    page = opened(network(20))
    page.locator("#sheet").click(button="right")
    assert inked(page) == 0


def test_a_finger_draws_and_does_not_scroll(opened):
    page = opened(network(20), **PHONE)
    box = page.locator("#sheet").bounding_box()
    finger = page.context.new_cdp_session(page)
    for kind, share in (("touchStart", 0.3), ("touchMove", 0.5), ("touchMove", 0.7), ("touchEnd", None)):
        places = [{"x": box["x"] + box["width"] / 2, "y": box["y"] + share * box["height"]}] if share else []
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})
    (reading,) = readings(page)
    left, top, right, bottom = reading["box"]
    assert 215 < left < right < 265
    assert bottom - top == pytest.approx(0.4 * 480 + 24, abs=5)
    assert page.evaluate("scrollY") == 0


def test_the_keyboard_draws(opened):
    page = opened(network(20))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "sheet"
    assert page.locator("#pen").is_visible()
    page.keyboard.press("ArrowUp")
    assert inked(page) == 0
    page.keyboard.press(" ")
    assert page.locator("#pen-status").text_content() == "Pen down"
    dot = inked(page)
    for _ in range(8):
        page.keyboard.press("ArrowDown")
    line = inked(page)
    assert line > dot + 7 * 12 * 20
    page.keyboard.press(" ")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert inked(page) == line
    assert page.evaluate("parseFloat(document.querySelector('#pen').style.left)") == pytest.approx(100 * 255 / 480)
    page.keyboard.press("Control+z")
    assert inked(page) == 0
    page.keyboard.press("Tab")
    assert not page.locator("#pen").is_visible()


def test_all_can_be_reached_by_the_keyboard_and_is_named(opened):
    page = opened(network(20, 10))
    page.evaluate("points => page.sheet.stroke(points)", THREE)
    names = []
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        names.append(page.evaluate("(e => e.getAttribute('aria-label') ?? e.textContent)(document.activeElement)"))
        ringed = "document.activeElement.closest('button, .cells, .paper')"
        assert page.evaluate(f"getComputedStyle({ringed}).outlineStyle") == "solid"
    assert names[:4] == ["Sheet to draw on: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9", "Undo", "Clear", "Save as PNG"]
    assert {"Neuron of hidden layer 1", "Neuron of hidden layer 2"} <= set(names)
    assert sum(" %" in name for name in names) == 10


def test_nothing_to_undo_clear_or_save_at_first(opened):
    page = opened(network(20))
    for button in ("#undo", "#clear", "#save"):
        assert page.locator(button).is_disabled()
    page.keyboard.press("Control+z")
    assert inked(page) == 0


def test_save_gives_the_picture_that_python_reads(opened):
    trained = network(20)
    page = opened(trained)
    draw_strokes(page, [THREE])
    with page.expect_download() as download:
        page.locator("#save").click()
    assert download.value.suggested_filename == "drawing.png"
    content = download.value.path().read_bytes()
    assert content == saved_png(page)
    assert trained.predict(content)[0].name == readings(page)[0]["name"]


def verdict(page):
    return page.locator("#verdict").text_content()


def test_it_says_when_it_is_unsure_and_when_there_is_nothing(opened):
    page = opened(network(20))
    assert verdict(page) == "No digit: the sheet is empty."
    draw_strokes(page, [THREE])
    p = max(readings(page)[0]["probabilities"])
    page.evaluate("p => { page.network.unsure = p; page.show(); }", p - 1e-6)
    assert verdict(page) == f"{readings(page)[0]['name']}, probability {100 * p:.1f} %"
    assert "?" not in page.locator("#digits").text_content()
    page.evaluate("p => { page.network.unsure = p; page.show(); }", p + 1e-6)
    assert verdict(page).startswith(f"Unsure: {readings(page)[0]['name']} (")
    assert page.locator("#digits").text_content() == f"{readings(page)[0]['name']}?"
    draw_strokes(page, [[[0, y], [480, y]] for y in range(0, 480, 20)])
    assert verdict(page) == "No digit: too much ink, or too many pieces."


def test_unsure_is_what_python_calls_unsure():
    from mnist_mlp.prediction import UNSURE

    assert stored_network(network(5))["unsure"] == UNSURE == 0.9


def test_a_neuron_shows_its_incoming_weights(opened):
    trained = network(20, 12)
    page = opened(trained)
    draw_strokes(page, [THREE])
    first, second = page.locator(".cells").all()
    first.hover(position={"x": 5, "y": 5})
    assert page.locator("#closer-title").text_content() == "Layer 1, neuron 1"
    assert_shows(page, trained.mlp.weights[0][0], (28, 28))
    page.mouse.move(5, 5)
    assert page.locator("#closer-title").text_content().startswith("Why ")
    second.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    assert page.locator("#closer-title").text_content() == "Layer 2, neuron 2"
    assert second.get_attribute("aria-valuenow") == "2"
    assert "hidden layer 1, in the same places" in page.locator("#closer-text").text_content()
    assert_shows(page, trained.mlp.weights[1][1], (1, 20))
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    assert page.locator("#closer-title").text_content() == "Layer 2, neuron 12"


def assert_shows(page, weights, shape):
    """The closer look has a pixel for each weight, in the colour of its share of the largest one."""
    found = page.evaluate(
        "(c => [c.height, c.width, [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]])"
        "(document.querySelector('#closer-picture'))"
    )
    assert found[:2] == list(shape)
    share = (weights / weights.abs().max()).double().detach().numpy()[:, None]
    zero, plus, minus = np.array([230, 228, 222]), np.array([26, 86, 184]), np.array([194, 80, 15])
    expected = zero + np.abs(share) ** 0.7 * (np.where(share > 0, plus, minus) - zero)
    assert np.abs(np.reshape(found[2], (-1, 4))[:, :3] - expected).max() <= 1


def test_an_output_shows_which_pixels_spoke_for_it(opened):
    page = opened(network(20))
    draw_strokes(page, [THREE])
    best = page.locator("#closer-title").text_content()
    assert best == f"Why {readings(page)[0]['name']}?"
    page.locator("#outputs button").nth(4).hover()
    assert page.locator("#closer-title").text_content() == "Why 4?"
    assert "exactly its score" in page.locator("#closer-text").text_content()
    page.locator("#outputs button").nth(6).focus()
    assert page.locator("#closer-title").text_content() == "Why 6?"


def test_a_curved_activation_is_called_an_approximation(opened):
    page = opened(network(20, activation="tanh"))
    draw_strokes(page, [THREE])
    assert "only approximate" in page.locator("#closer-text").text_content()


def test_a_tap_shows_a_neuron_where_one_looks(opened):
    page = opened(network(200, 100), **PHONE)
    draw_strokes(page, [THREE])
    cells = page.locator(".cells").first
    cells.scroll_into_view_if_needed()
    cells.tap(position={"x": 30, "y": 30})
    title = page.locator("#closer-title")
    assert title.text_content().startswith("Layer 1, neuron ")
    assert 0 < title.bounding_box()["y"] < 760
    page.locator("#outputs button").nth(2).tap()
    assert title.text_content() == "Why 2?"
    assert 0 < title.bounding_box()["y"] < 760


def test_several_digits_are_shown_one_at_a_time(opened):
    page = opened(network(20))
    shape = np.array(THREE) * 0.4
    draw_strokes(page, [(shape + place).tolist() for place in ([0, 100], [250, 100])])
    page.evaluate("page.sheet.stroke([[400, 200]])")
    assert page.locator("#digits button").count() == len(readings(page)) == 2
    assert page.evaluate("page.chosen") == 1  # the one that was drawn on last
    page.locator("#digits button").first.click()
    assert page.evaluate("page.chosen") == 0
    assert page.locator("#digits button").first.get_attribute("aria-pressed") == "true"
    assert page.locator("#boxes > div").count() == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_of_its_ground(opened, scheme):
    page = opened(network(20, 10), color_scheme=scheme)
    for _ in range(2):
        contrasts = page.evaluate(CONTRAST)
        assert len(contrasts) > 20
        assert [pair for pair in contrasts if pair[1] < 4.5] == []
        draw_strokes(page, [THREE])


def test_a_dark_screen_gets_a_dark_page_and_the_same_picture(opened):
    trained = network(20)
    pages = [opened(trained, color_scheme=scheme) for scheme in ("light", "dark")]
    for page in pages:
        draw_strokes(page, [THREE])
    grounds = [page.evaluate("getComputedStyle(document.body).backgroundColor") for page in pages]
    assert grounds == ["rgb(247, 246, 243)", "rgb(22, 22, 21)"]
    assert saved_png(pages[0]) == saved_png(pages[1])
    before = pages[0].evaluate("page.palette.zero")
    pages[0].emulate_media(color_scheme="dark")
    pages[0].wait_for_function("zero => page.palette.zero.join() !== zero.join()", arg=before)


def test_motion_is_left_out_where_it_is_unwanted(opened):
    for wanted, seconds in (("no-preference", "0.12s"), ("reduce", "0s")):
        page = opened(network(20), reduced_motion=wanted)
        assert page.evaluate("getComputedStyle(document.querySelector('.fill')).transitionDuration") == seconds


@pytest.mark.parametrize("width", [320, 400, 700, 1000, 1280, 1920])
@pytest.mark.parametrize("names", ["0123456789", "abcdefghijklmnopqrstuvwxyz"])
def test_no_screen_is_scrolled_sideways(opened, width, names):
    page = opened(network(2500, 300, names=tuple(names)), viewport={"width": width, "height": 700})
    draw_strokes(page, [(np.array(THREE) * 0.4 + [100 * i, 0]).tolist() for i in range(4)])
    page.locator("#outputs button").nth(3).focus()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_pointing_moves_nothing(opened):
    page = opened(network(300, 200))
    draw_strokes(page, [THREE])
    cells = page.locator(".cells").all()
    before = [each.bounding_box() for each in cells]
    for pointed in (*cells, page.locator("#outputs button").first):
        pointed.hover()
        assert [each.bounding_box() for each in cells] == before
    page.locator("#clear").click()
    assert [each.bounding_box() for each in cells] == before


def test_a_lecture_needs_no_scrolling(opened):
    for width, height in ((1280, 720), (1920, 1080)):
        page = opened(network(512), viewport={"width": width, "height": height})
        draw_strokes(page, [THREE])
        assert page.evaluate("document.documentElement.scrollHeight") <= height
