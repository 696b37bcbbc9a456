"""Make the picture of the page to draw on: a digit is drawn on it in a browser, and the screen is kept as PNG.

It needs the extra "dev", and Chromium.
"""

import argparse
import math
import shutil
import tempfile
from pathlib import Path

from mnist_mlp import load
from mnist_mlp.drawing import write_page

WIDTH, HEIGHT = 1280, 660


def arc(x: float, y: float, radius: float, start: int, end: int) -> list[tuple[float, float]]:
    """Points on a part of a circle, in pixels of the sheet; angles are in degrees, 0 is at the right, 90 below."""
    angles = [math.radians(angle) for angle in range(start, end, 5)]
    return [(x + 0.85 * radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]


def main() -> None:
    """Write the page of a checkpoint, draw a 3, and keep what the screen shows."""
    parser = argparse.ArgumentParser(description="Make the picture of the page to draw on.")
    parser.add_argument("--ckpt_path", default="best", help="best, last or a path (default: best of the newest run)")
    parser.add_argument("--output", type=Path, default=Path(".images/draw.png"))
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    three = arc(235, 150, 75, -160, 90) + arc(235, 320, 95, -90, 155)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        html = Path(folder) / "draw.html"
        write_page(load(options.ckpt_path), html)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(html.as_uri())
        page.evaluate("points => page.sheet.stroke(points)", three)
        page.wait_for_timeout(500)  # until the bars have grown
        page.screenshot(path=options.output)
        browser.close()
    print(options.output)


if __name__ == "__main__":
    main()
