"""A run that somebody else wrote, or that is damaged: its page asks for nothing, runs nothing, and shows the rest."""

import os
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tensorboard.compat.proto import summary_pb2, tensor_pb2
from torch.utils.tensorboard.writer import SummaryWriter

from mnist_mlp.dashboard.report import page_of
from mnist_mlp.dashboard.run_log import find_runs, read_run

REMOTE = "http://203.0.113.9"  # an address that is nobody's
HOSTILE = [
    "[click](javascript:document.title='ran')",
    f"![seen]({REMOTE}/a.png)",
    f"[far]({REMOTE}/)",
    "<script>document.title='ran'</script>",
    f"<img src={REMOTE}/b.png onerror=document.title='ran'>",
    f"<{REMOTE}/auto>",
    f"| a |\n| --- |\n| ![x]({REMOTE}/c.png) |",
    f"![x][1]\n\n[1]: {REMOTE}/d.png",
    "`</pre><script>document.title='ran'</script>`",
    f"<svg><image href={REMOTE}/e.png></svg>",
]


def write(folder, text="fine", tag="val/acc", caption="shown", charts=None):
    with SummaryWriter(folder) as writer:
        writer.add_scalar(tag, 0.5, 0)
        writer.add_scalar(tag, 0.75, 1)
        writer.add_text("model", text)
        writer.add_text("environment", text)
        writer.add_image(caption, np.zeros((4, 4, 3), dtype=np.uint8), 1, dataformats="HWC")
        if charts:
            writer.add_custom_scalars(charts)
    return folder


def add_text_value(folder, tag, *strings):
    summaries, tensors = cast(Any, summary_pb2), cast(Any, tensor_pb2)
    plugin = summaries.SummaryMetadata.PluginData(plugin_name="text")
    value = summaries.Summary.Value(
        tag=f"{tag}/text_summary",
        metadata=summaries.SummaryMetadata(plugin_data=plugin),
        tensor=tensors.TensorProto(dtype="DT_STRING", string_val=list(strings)),
    )
    with SummaryWriter(folder) as writer:
        cast(Any, writer.file_writer).add_summary(summaries.Summary(value=[value]))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_link_picture_or_script_of_a_text_reaches_the_page(tmp_path, text):
    page = page_of(read_run(write(tmp_path, text)))
    for tag in ("<a ", "<script", f'src="{REMOTE}', "<image", "onerror=document.title='ran'>"):
        assert tag not in page
    assert page.count("<img ") == 1  # the run's own picture


def test_the_page_asks_for_nothing_and_runs_nothing(tmp_path, browser):
    folder = write(tmp_path, "\n\n".join(HOSTILE), caption=f"</figcaption><img src={REMOTE}/f.png>")
    (folder / "config.yaml").write_text(f"name: </pre><script src={REMOTE}/g.js></script>\n")
    (folder / "report.html").write_text(page_of(read_run(folder)))
    page, asked, refused = browser.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: refused.append(message.text))
    page.goto((folder / "report.html").as_uri())
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert page.title() != "ran"
    assert refused == []  # the page needs nothing that its own policy forbids
    assert page.locator("svg").count() == 1
    page.evaluate(f"document.body.append(Object.assign(new Image(), {{src: '{REMOTE}/h.png'}}))")
    page.wait_for_timeout(300)
    assert any("Content Security Policy" in message for message in refused)
    page.close()


def test_a_missing_text_and_one_that_is_no_utf_8_leave_the_rest(tmp_path):
    write(tmp_path)
    add_text_value(tmp_path, "empty")
    add_text_value(tmp_path, "environment", b"caf\xe9 **bold**")
    log = read_run(tmp_path)
    assert log.texts == {"model": "fine", "environment": "caf\ufffd **bold**"}
    assert log.problems == ["empty/text_summary cannot be read, and is left out."]
    page = page_of(log)
    assert "empty/text_summary cannot be read" in page
    assert "75.00 %" in page
    assert "caf\ufffd <strong>bold</strong>" in page


@pytest.mark.parametrize("tag", ["val/$acc", "cost in $x^{", "a_b$c$", r"\frac{", "<b>&amp;"])
def test_a_tag_is_text_and_no_formula(tmp_path, tag):
    assert page_of(read_run(write(tmp_path, tag=tag))).count("<svg") == 1


def test_a_chart_whose_pattern_is_none_shows_its_own_tag(tmp_path):
    folder = write(tmp_path, tag="val/(acc", charts={"learning": {"$how": ["Multiline", ["val/(acc", "*"]]}})
    page = page_of(read_run(folder))
    assert page.count("<svg") == 1
    assert "<!-- $how -->" in page


def test_damage_in_an_event_file_is_mentioned_and_what_comes_before_is_shown(tmp_path):
    folder = write(tmp_path)
    (events,) = folder.glob("events*")
    whole = events.read_bytes()
    assert read_run(folder).problems == []
    place = whole.index(b"model/text_summary")
    events.write_bytes(whole[:place] + b"X" + whole[place + 1 :])
    log = read_run(folder)
    assert log.problems == [f"{events.name} is damaged or cut off: what it holds after that place is missing here."]
    assert log.scalars["val/acc"] == ([0, 1], [0.5, 0.75])
    assert f"<li>{events.name} is damaged or cut off" in page_of(log)


@given(st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_damage_of_an_event_file_is_mentioned(tmp_path_factory, data):
    folder = write(tmp_path_factory.mktemp("run"))
    (events,) = folder.glob("events*")
    content = bytearray(events.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    events.write_bytes(content)
    log = read_run(folder)
    assert log.problems
    assert "What could not be read" in page_of(log)


@given(st.text(min_size=1, max_size=40))
@example("-" * 40)
@example("> " * 3000)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_gives_a_page(tmp_path_factory, text):
    page = page_of(read_run(write(tmp_path_factory.mktemp("run"), text)))
    assert "<script" not in page
    assert "<a " not in page
    assert "75.00 %" in page


def test_what_only_looks_like_an_event_file_is_none(tmp_path):
    os.mkfifo(tmp_path / "events.out.tfevents.1")
    with pytest.raises(ValueError, match="holds no run"):
        find_runs(tmp_path)
