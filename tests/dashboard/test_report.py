import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from torch.utils.tensorboard.writer import SummaryWriter

from mnist_mlp.cli import main
from mnist_mlp.dashboard.panel import add_picture


@pytest.fixture
def run(tmp_path):
    run = tmp_path / "wide" / "version_3"
    with SummaryWriter(run) as writer:
        for step in range(3):
            writer.add_scalar("val/acc", [0.5, 0.9, 0.8][step], step)
            writer.add_scalar("delta_norm/layer_1", 0.1 * step, step)
        writer.add_scalar("time/training_seconds", 12.5, 3)
        writer.add_image("val/confusions", np.zeros((4, 4, 3), dtype=np.uint8), 3, dataformats="HWC")
        writer.add_text("model", "| layer | neurons |\n| --- | --- |\n| 1 | 30 |")
    (run / "config.yaml").write_text("name: <wide> & deep\n")
    return run


class Parser(HTMLParser):
    """Collects the tags and what they load."""

    def __init__(self):
        super().__init__()
        self.tags, self.sources = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href", "xlink:href")]


def test_one_file_holds_everything(run, capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["report", str(run)])
    assert capsys.readouterr().out.strip() == str(run / "report.html")
    page = (run / "report.html").read_text()
    parser = Parser()
    parser.feed(page)
    assert all(source.startswith(("data:", "#")) for source in parser.sources)
    assert parser.tags.count("img") == 1
    assert parser.tags.count("svg") == 2
    assert "script" not in parser.tags
    assert "<h1>wide version_3</h1>" in page
    assert re.search(r"best val/acc</td><td[^>]*>90.00 %", page)
    assert re.search(r">val/acc</td><td[^>]*>80.00 %", page)
    with pytest.raises(SystemExit, match="0"):
        main(["report", str(run)])
    assert (run / "report.html").read_text() == page
    assert re.search(r">time/training_seconds</td><td[^>]*>12.5<", page)
    assert "<td>30</td>" in page
    assert "name: &lt;wide&gt; &amp; deep" in page
    assert "no end of this training" not in page


def test_the_newest_run_of_a_folder_is_taken(run, tmp_path):
    with SummaryWriter(tmp_path / "newer") as writer:
        writer.add_scalar("val/acc", 0.25, 0)
    with pytest.raises(SystemExit, match="0"):
        main(["report", str(tmp_path), "--output", str(tmp_path / "page.html")])
    page = (tmp_path / "page.html").read_text()
    assert "25.00 %" in page
    assert "The log holds no end of this training" in page


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["none"], "there is no folder none"),
        (["wide", "--output", "no/page.html"], "--output must name a file that can be written; got no/page.html"),
        (["empty"], "holds no run"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(run, tmp_path, monkeypatch, args, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit, match=message):
        main(["report", *args])


def test_pictures_stand_in_the_order_of_the_run_with_its_captions(run):
    grey = np.full((4, 4, 3), 128, dtype=np.uint8)
    with SummaryWriter(run) as writer:
        add_picture(writer, "val/a", grey, "All <grey>", 4)
        add_picture(writer, "val/a", grey, "All <grey>", 1234)
    with pytest.raises(SystemExit, match="0"):
        main(["report", str(run)])
    captions = re.findall("<figcaption>(.*)</figcaption>", (run / "report.html").read_text())
    assert captions == [
        "val/confusions; after 3 mini-batches.",  # of a run that was written without captions
        "All &lt;grey&gt;; after 1,234 mini-batches.",
    ]


def test_charts_are_those_that_the_run_laid_out(run):
    with SummaryWriter(run) as writer:
        layout = {"learning": {"how well": ["Multiline", ["val/.*"]], "nothing": ["Multiline", ["none"]]}}
        writer.add_custom_scalars(layout)
    with pytest.raises(SystemExit, match="0"):
        main(["report", str(run)])
    page = (run / "report.html").read_text()
    assert page.count("<svg") == 1
    assert "<!-- how well -->" in page


def test_it_needs_neither_torch_nor_lightning_nor_before_it_draws_matplotlib(run):
    program = f"""
import sys
from mnist_mlp.dashboard import report
heavy = {{"torch", "lightning", "torchvision", "sklearn", "matplotlib"}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
report.run([{str(run)!r}])
assert heavy & set(sys.modules) == {{"matplotlib"}}, heavy & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_package_of_the_dashboard_imports_nothing():
    program = "import sys; before = set(sys.modules); import mnist_mlp.dashboard; print(set(sys.modules) - before)"
    imported = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert not {"torch", "tensorboard", "markdown"} & set(re.findall(r"'(\w+)'", imported))
