"""A real browser looks at a real run, as a person would."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jaxtyping import config

from mnist_mlp import MNISTDataModule
from mnist_mlp.cli import main

SECONDS = 15


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """Two runs on scikit-learn's digits, one of them tested."""
    folder = tmp_path_factory.mktemp("logs")
    recipe = Path(__file__).parents[2] / "configs" / "quickstart.yaml"
    config.update("jaxtyping_disable", True)
    quiet = [f"--trainer.default_root_dir={folder}", "--trainer.enable_progress_bar=false"]
    for name in ("one", "two"):
        main(["fit", "--config", str(recipe), "--trainer.max_epochs=4", f"--name={name}", *quiet])
    main(["test", *quiet, "--name=two"])
    config.update("jaxtyping_disable", False)
    return folder


@pytest.fixture(scope="module")
def address(logs):
    command = [sys.executable, "-m", "mnist_mlp", "dashboard", str(logs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().split()[0].rstrip("/")
        process.terminate()


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(1000 * SECONDS)
    yield page
    if folder := os.environ.get("MNIST_MLP_SCREENSHOTS"):
        time.sleep(1)
        page.screenshot(path=f"{folder}/{page.url.split('#')[-1].split('/')[-1]}.png")
    page.close()


def labels_of_the_validation_digits():
    data = MNISTDataModule(dataset="digits", val_size=300)
    data.setup("fit")
    return [str(label) for label in data.val_images.labels.tolist()]


def shows(page, *texts):
    for text in texts:
        page.get_by_text(text, exact=True).first.wait_for()


def test_time_series(page, address):
    page.goto(f"{address}/#timeseries")
    page.reload()
    shows(page, "one/version_0", "two/version_0", "val/acc", "val/loss")
    for tag in ("activations/layer_1", "dead/layer_1", "val/acc"):
        page.get_by_role("combobox", name="Filter tags").first.fill(tag)
        shows(page, tag)
    page.locator("line-chart svg path, line-chart canvas").first.wait_for()


def test_custom_scalars(page, address):
    page.goto(f"{address}/#custom_scalars")
    page.reload()
    shows(page, "accuracy", "val/acc", "cost", "val/loss", "norm of delta, by layer", "delta_norm/layer_1")
    shows(page, "two/version_0")


def test_the_first_page_begins_with_accuracy_and_cost_as_they_are(page, address):
    page.goto(address)
    page.locator("card-view scalar-card").nth(3).wait_for()
    titles = [card.inner_text().split("Alt")[0].replace("\n", "") for card in page.locator("card-view").all()[:4]]
    assert titles == ["val/acc", "val/loss", "train/acc", "train/loss"]
    assert page.locator("section.scalars .slider-row input.slider-input").input_value() == "0"  # smoothing


def test_images(page, address):
    page.goto(f"{address}/#images")
    page.reload()
    shows(page, "val/mistakes", "val/confusions", "val/reliability", "val/right")
    page.wait_for_function(
        "[...document.querySelectorAll('*')].length && (function seen(root) {"
        " const own = [...root.querySelectorAll('img')].filter(i => i.naturalWidth === 494).length;"
        " return own + [...root.querySelectorAll('*')].filter(e => e.shadowRoot)"
        ".map(e => seen(e.shadowRoot)).reduce((a, b) => a + b, 0); })(document) >= 2"
    )


def test_captions_are_shown_beside_pictures(page, address):
    page.goto(address)
    tags = page.request.get(f"{address}/data/plugin/images/tags").json()
    assert "Confusion matrix" in tags["two/version_0"]["val/confusions"]["description"]
    assert all(tag["description"] for tag in tags["one/version_0"].values())


@pytest.mark.parametrize(("tab", "tag"), [("histograms", "activations/layer_1"), ("distributions", "deltas/layer_2")])
def test_histograms_and_distributions(page, address, tab, tag):
    page.goto(f"{address}/#{tab}")
    page.reload()
    shows(page, tag)
    page.locator("path[d^='M']").first.wait_for(state="attached")


def test_precision_and_recall(page, address):
    page.goto(f"{address}/#pr_curves")
    page.reload()
    shows(page, "val/precision_recall_0", "val/precision_recall_5")


def test_projector(page, address):
    answers = {}
    page.on("response", lambda response: answers.update({response.url.split("?")[0].split("/")[-1]: response}))
    page.goto(f"{address}/#projector")
    page.reload()
    deadline = time.monotonic() + SECONDS
    while "sprite_image" not in answers and time.monotonic() < deadline:
        page.wait_for_timeout(200)
    assert len(answers["tensor"].body()) == 300 * 50 * 4
    assert answers["metadata"].text().split() == labels_of_the_validation_digits()
    assert answers["sprite_image"].ok


def test_hyper_parameters(page, address):
    page.goto(f"{address}/#hparams")
    page.reload()
    shows(page, "one/version_0", "two/version_0", "activation", "relu")
    heads = {
        name: page.locator(f"vaadin-grid-cell-content:has-text('{name}')").first for name in ("val/acc", "activation")
    }
    left = {name: box["x"] for name, head in heads.items() if (box := head.bounding_box())}
    assert left["val/acc"] < left["activation"] < 1280  # results before settings, and in sight
    assert page.get_by_text("-1.0000").count() == 0


def test_text_and_graph(page, address):
    page.goto(f"{address}/#text")
    page.reload()
    shows(page, "config/text_summary", "environment/text_summary")
    page.goto(f"{address}/#graphs")
    page.reload()
    page.locator("svg text", has_text="Sequential").first.wait_for()


@pytest.mark.parametrize("cut_off", [False, True])
def test_the_report_needs_nothing_else(browser, logs, tmp_path, cut_off):
    run = tmp_path / "run"
    shutil.copytree(logs / "two" / "version_0", run)
    if cut_off:
        for events in run.glob("events*"):
            events.write_bytes(events.read_bytes()[: events.stat().st_size // 3])
    with pytest.raises(SystemExit, match="0"):
        main(["report", str(run)])
    context = browser.new_context(offline=True)
    page = context.new_page()
    requests, messages = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.goto((run / "report.html").as_uri())
    shows(page, "Results", "Curves", "Configuration")
    sizes = page.evaluate("[...document.images].map(i => i.naturalWidth)")
    assert len(sizes) == (1 if cut_off else 5)
    assert min(sizes) > 100
    assert page.locator("svg").count() >= 6
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert messages == []
    context.close()
