"""Pages in a real browser, that has no connection."""

import base64
import json

import pytest
import torch

from mnist_mlp import MLP, TrainedNetwork
from mnist_mlp.drawing import write_page

DIGITS = tuple("0123456789")


def network(*hidden, activation="relu", names: tuple[str, ...] = DIGITS, size=28, mean=0.0, std=1.0, **settings):
    """A network with drawn weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        mlp = MLP([size**2, *hidden, len(names)], activation=activation, **settings)
    return TrainedNetwork(mlp.eval(), tuple(names), mean, std)


@pytest.fixture
def opened(browser, tmp_path):
    """A function that opens a network's page, on a screen of some size; it must ask for nothing, and say nothing."""
    contexts, requests, messages = [], [], []

    def opened(network, **screen):
        path = tmp_path / f"draw_{len(contexts)}.html"
        write_page(network, path)
        context = browser.new_context(offline=True, **{"viewport": {"width": 1280, "height": 720}} | screen)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("request", lambda request: requests.append(request.url))
        # a test that reads a canvas twice is told of it
        page.on("console", lambda said: "readback" in said.text or messages.append(said.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert messages == []


def draw_strokes(page, strokes):
    """Clear the sheet and draw strokes with the page's pen."""
    page.evaluate(
        "strokes => { page.sheet.clear(); for (const points of strokes)"
        " points.forEach(([x, y], i) => page.sheet.line(...points[Math.max(0, i - 1)], x, y)); page.sheet.show(); }",
        strokes,
    )


def put_ink(page, ink):
    """Make the sheet's ink this, uint8 (480, 480)."""
    text = base64.b64encode(ink.tobytes()).decode()
    page.evaluate("text => page.sheet.replace(decoded(text, Uint8Array))", text)


def result(page, expression):
    """What an expression of JavaScript gives, as one text: Playwright looks at each number of a list, for seconds."""
    return json.loads(page.evaluate(f"async () => JSON.stringify({expression})"))


def saved_png(page):
    """The bytes of the picture of the sheet."""
    return bytes(result(page, "[...new Uint8Array(await (await page.sheet.png()).arrayBuffer())]"))


def readings(page):
    """What the page reads: for each digit its class, its probabilities, and the 28x28."""
    return result(
        page,
        "page.readings.map(r => ({ name: page.ranked(r).name, probabilities: [...r.probabilities],"
        " image: [...r.image.values], box: [r.box.left, r.box.top, r.box.right, r.box.bottom] }))",
    )
