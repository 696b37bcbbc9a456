import webbrowser
from pathlib import Path

import pytest
import torch

from mnist_mlp.cli import main

QUICK = Path(__file__).parents[2] / "configs" / "quickstart.yaml"
SETTINGS = ["--trainer.max_epochs=1", "--trainer.enable_progress_bar=false", "--trainer.accelerator=cpu"]
CHECKPOINT = Path("logs/quickstart/version_0/checkpoints/best.ckpt")


@pytest.fixture
def shown(tmp_path, monkeypatch, without_shape_checks):
    """The pages that a browser was told to open, in a folder with a run."""
    monkeypatch.chdir(tmp_path)
    main(["fit", "--config", str(QUICK), *SETTINGS])
    shown = []
    monkeypatch.setattr(webbrowser, "open", lambda url: shown.append(url) or True)
    return shown


def draw(*args):
    with pytest.raises(SystemExit) as stop:
        main(["draw", *map(str, args)])
    return stop.value.code


def refusal(*args):
    text = draw(*args)
    assert isinstance(text, str)
    assert text.startswith("mnist-mlp: error: ")
    assert "\n" not in text
    return text


def test_the_page_of_the_newest_run_is_written_and_opened(shown, capsys):
    assert draw() == 0
    page = CHECKPOINT.parents[1] / "draw.html"
    assert "<!DOCTYPE html>" in page.read_text()
    assert shown == [page.resolve().as_uri()]
    assert capsys.readouterr().out.splitlines()[-1] == f"{page} · {CHECKPOINT}"


def test_output_and_checkpoint_are_those_that_were_given(shown, tmp_path):
    other = tmp_path / "other.ckpt"
    other.write_bytes(CHECKPOINT.read_bytes())
    assert draw("--ckpt_path", other, "--no_open") == 0
    assert Path("draw.html").exists()
    assert draw("--ckpt_path=last", "--output=page.html", "--no_open") == 0
    assert draw("--output=page.html", "--no_open") == 0  # a page is made anew
    assert shown == []


@pytest.mark.parametrize("failure", [lambda url: False, lambda url: (_ for _ in ()).throw(webbrowser.Error("none"))])
def test_a_machine_without_browser_gets_the_path(shown, monkeypatch, capsys, failure):
    monkeypatch.setattr(webbrowser, "open", failure)
    assert draw("--output=page.html") == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"page.html · {CHECKPOINT} · there is no browser here: open it in one"
    )


def test_bad_input_is_refused_in_a_sentence(shown, monkeypatch):
    Path("notes.html").write_text("mine")
    assert "notes.html, which mnist-mlp draw did not write" in refusal("--output=notes.html")
    assert Path("notes.html").read_text() == "mine"
    Path("folder.html").mkdir()
    assert "folder.html" in refusal("--output=folder.html")
    assert "nowhere" in refusal("--output=nowhere/page.html")
    assert "must name a .html file" in refusal("--output=page.png")
    assert "there is no file nothing.ckpt" in refusal("--ckpt_path=nothing.ckpt")
    Path("text.ckpt").write_text("no checkpoint")
    assert "text.ckpt" in refusal("--ckpt_path=text.ckpt")
    stored = torch.load(CHECKPOINT, weights_only=True)
    stored["state_dict"]["mlp.layers.0.weight"][0, 0] = float("nan")
    torch.save(stored, "diverged.ckpt")
    assert "not finite" in refusal("--ckpt_path=diverged.ckpt")
    assert draw("--frame=1") == 2
    monkeypatch.chdir("folder.html")
    assert "train one with" in refusal()
    assert shown == []
    assert [*Path().iterdir()] == []


def test_help_says_what_it_does(capsys):
    assert draw("--help") == 0
    assert "a page to draw on" in " ".join(capsys.readouterr().out.split())
