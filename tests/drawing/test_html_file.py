import re
from pathlib import Path

import pytest
from drawing.conftest import network

import mnist_mlp.drawing
from mnist_mlp.drawing import write_page
from mnist_mlp.drawing.html_file import CONSTANTS, SCRIPTS, page_of

FOLDER = Path(mnist_mlp.drawing.__file__).parent


def test_the_size_of_the_usual_network():
    assert len(page_of(network(512)).encode()) <= 1_200_000


def test_the_page_names_no_address_and_no_other_file():
    page = page_of(network(10))
    assert re.findall(r"https?:|//\w+\.|@import|url\(", page) == []
    assert re.findall(r"<link [^>]*>", page) == ['<link rel="icon" href="data:,">']
    assert re.findall(r"\bsrc=|\bfetch\(|XMLHttpRequest|import\(|sendBeacon|WebSocket", page) == []
    assert "default-src 'none'" in page


def test_every_script_of_the_folder_is_in_the_page():
    assert {path.stem for path in FOLDER.glob("*.js")} == set(SCRIPTS)
    page = page_of(network(10))
    for part in FOLDER.glob("*.js"):
        assert part.read_text() in page


def test_every_constant_is_used_and_every_one_used_is_there():
    used = "".join(path.read_text() for path in FOLDER.glob("*.js"))
    taken = set(re.findall(r"CONSTANTS\.(\w+)", used))
    for group in re.findall(r"const \{([^}]*)\} = CONSTANTS;", used):
        taken |= set(group.replace(" ", "").split(","))
    assert taken == set(CONSTANTS)


def test_the_scripts_are_readable():
    for path in [*FOLDER.glob("*.js"), FOLDER / "page.html", FOLDER / "page.css"]:
        lines = path.read_text().splitlines()
        assert len(lines) < 300
        assert max(map(len, lines)) <= 120, path


@pytest.mark.usefixtures("without_shape_checks")
def test_a_name_of_a_class_is_text_and_nothing_else(opened):
    names = ("</script><b id='x'>", "<img src=x onerror=alert(1)>", "&amp;", "${1}", "$network")
    page = opened(network(5, names=names))
    assert page.locator("#outputs .name").all_text_contents() == list(names)
    assert page.locator("#x").count() == 0


def test_a_page_is_replaced_at_once(tmp_path):
    path = tmp_path / "draw.html"
    write_page(network(5), path)
    before = path.read_text()
    bad = network(5)
    bad.mlp.weights[0].data.fill_(float("nan"))
    with pytest.raises(ValueError, match="not finite"):
        write_page(bad, path)
    assert path.read_text() == before
    write_page(network(6), str(path))
    assert path.read_text() != before
    assert [*tmp_path.iterdir()] == [path]
