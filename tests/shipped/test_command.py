"""`mnist-mlp configs`."""

from pathlib import Path

import pytest

from mnist_mlp.cli import main
from mnist_mlp.shipped.command import listing, purpose_of
from mnist_mlp.shipped.files import configurations


@pytest.fixture(autouse=True)
def empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("columns", [80, 120])
def test_each_has_a_line_below_the_command_that_takes_it(columns):
    known = configurations()
    parts = listing(known, columns).split("\n\n")
    assert [part.splitlines()[0].split()[1] for part in parts] == ["fit", "sweep", "reproduce"]
    lines = [line for part in parts for line in part.splitlines()[1:]]
    assert sorted(line.split()[0] for line in lines) == sorted(known)
    assert all(len(line.split()) > 1 for line in lines)  # its purpose, too
    assert max(map(len, lines)) <= columns
    assert [line.split()[0] for line in parts[1].splitlines()[1:]] == ["sweep-mnist", "sweep-nielsen"]
    assert "  quickstart " in parts[0]
    assert "  keras-mlp " in parts[2]


def test_a_purpose_is_its_whole_paragraph():
    text = "# Purpose:  one thing, and\n#           another: this.\n# Command:  mnist-mlp fit --config a.yaml\nmodel:\n"
    assert purpose_of(text) == "one thing, and another: this."
    assert purpose_of("model: {}\n") == ""


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("quickstart", "quickstart.yaml; mnist-mlp fit --config quickstart.yaml\n"),
        ("sweep-mnist", "sweep-mnist.yaml; mnist-mlp sweep sweep-mnist.yaml\n"),
        ("keras-mlp", "keras-mlp.yaml; mnist-mlp fit --config keras-mlp.yaml\n"),
    ],
)
def test_one_is_copied_out(name, says, capsys):
    main(["configs", name])
    assert capsys.readouterr().out == says
    assert Path(f"{name}.yaml").read_bytes() == configurations()[name].read_bytes()
    assert [path.name for path in Path().iterdir()] == [f"{name}.yaml"]


def test_a_copy_goes_where_it_is_told_to(capsys):
    Path("mine").mkdir()
    main(["configs", "quickstart", "--output", "mine/first.yaml"])
    assert capsys.readouterr().out == "mine/first.yaml; mnist-mlp fit --config mine/first.yaml\n"


def test_a_file_that_is_there_is_not_replaced():
    Path("quickstart.yaml").write_text("mine")
    sentence = "quickstart.yaml is there already, and is not replaced; name another file with --output"
    with pytest.raises(SystemExit, match=sentence):
        main(["configs", "quickstart"])
    assert Path("quickstart.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["quikstart"], "there is no configuration quikstart; did you mean quickstart"),
        (["zzz"], "there is no configuration zzz; mnist-mlp configs lists them"),
        (["quickstart", "--output", "none/a.yaml"], "--output must name a file that can be written; got none/a.yaml"),
        (["--output", "a.yaml"], "--output is for a copy: name the configuration that is to be copied"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(words, sentence):
    with pytest.raises(SystemExit, match=f"^mnist-mlp: error: {sentence}"):
        main(["configs", *words])
    assert not list(Path().iterdir())
