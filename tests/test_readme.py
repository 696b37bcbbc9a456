"""What the README files say is so: their code runs, their commands parse, their links lead somewhere."""

import argparse
import ast
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest
from data_files import write_every_kind

from mnist_mlp import load
from mnist_mlp.cli import COMMANDS
from mnist_mlp.export.formats import FORMATS, exported
from mnist_mlp.fit import prepare

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = [
    ROOT / "README.md",
    *(page for folder in ("mnist_mlp", "configs", "scripts") for page in (ROOT / folder).rglob("*.md")),
]
SCRIPTS = [script for script in sorted((ROOT / "scripts").rglob("*.py")) if script.stem not in ("lesson", "train")]
PROSE_WORDS = 1300
IN_VENV = ("mnist-mlp", "pip", "python")
UNSAFE = r"[#\[\]{}*?<>;!']| ="  # what zsh, or bash, takes for something else than a word
TABLE_ROW = r"^\|.*\n"

pytestmark = pytest.mark.usefixtures("without_shape_checks")


def name_of(path):
    return str(path.relative_to(ROOT))


def fenced(text, language):
    """The blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def without_code(text):
    """The text without its fenced blocks, and with its code spans emptied."""
    return re.sub(r"`[^`\n]+`", "``", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))


def lines_of_shell(text):
    """What is to be typed: the lines of all blocks of shell, and the commands that begin the row of a table."""
    for block in fenced(text, "sh"):
        yield from block.replace("\\\n", " ").splitlines()
    yield from re.findall(r"^\| `((?:mnist-mlp|python) [^`]+)` \|", text, flags=re.MULTILINE)


def words_of(line):
    """The commands of a line as lists of words, as a POSIX shell splits them; it knows no comments where one types."""
    for command in line.split("&&"):
        if words := shlex.split(command):
            yield [Path(words[0]).name, *words[1:]]


def spans_of_commands(text):
    """The commands that stand in the text: mnist-mlp, and what follows it."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    yield from (" ".join(span.split()) for span in re.findall(r"`((?:mnist-mlp|python scripts)[^`]*)`", text))


def section(title):
    """A section of the README, from its heading to the next one."""
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(text):
    """The cells of each row of a table, without its head."""
    table = [re.split(r"(?<!\\) ?\| ?", line.strip())[1:-1] for line in re.findall(TABLE_ROW, text, flags=re.MULTILINE)]
    return table[2:]


def slug(heading):
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_and_pictures_lead_somewhere(page):
    text = without_code(page.read_text())
    for link in re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", text):
        target, _, anchor = "".join(link).partition("#")
        if target.startswith("http"):
            continue
        file = page.parent / target if target else page
        assert file.exists(), f"{name_of(page)}: there is no {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)", file.read_text(), flags=re.MULTILINE)
            assert anchor in map(slug, headings), f"{name_of(page)}: {target} has no heading {anchor}"


def test_every_picture_is_shown():
    shown = {
        Path("".join(link)).name
        for page in PAGES
        for link in re.findall(r"\]\((\S+\.png)\)|src=\"(\S+)\"", page.read_text())
    }
    assert {path.name for path in (ROOT / ".images").iterdir()} == shown


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A folder with the configurations, the scripts, small data of every kind, and a run of the digits."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("configs", "scripts"):
        (folder / name).symlink_to(ROOT / name)
    write_every_kind(folder / "data")
    trainer = {"max_epochs": 1, "enable_progress_bar": False, "default_root_dir": str(folder / "logs")}
    prepare(
        "fit", ROOT / "configs" / "quickstart.yaml", name="mnist", trainer=trainer, dashboard={"enabled": False}
    ).execute()
    network, run = load("best", folder / "logs"), folder / "logs" / "mnist" / "version_0"
    for name, chosen in FORMATS.items():
        (run / f"best{chosen.suffix}").write_bytes(exported(network, name))
    return folder


PYTHON = [(page, i) for page in PAGES for i in range(len(fenced(page.read_text(), "python")))]


@pytest.mark.parametrize(("page", "i"), PYTHON, ids=lambda part: name_of(part) if isinstance(part, Path) else str(part))
def test_python_runs(page, i, clone, monkeypatch):
    monkeypatch.chdir(clone)
    exec(compile(fenced(page.read_text(), "python")[i], name_of(page), "exec"), {"__name__": "__main__"})


class Understood(Exception):  # noqa: N818 - it is no error
    """Arguments were understood."""


@pytest.fixture
def parse(clone, monkeypatch):
    """Let the program that a command names read its arguments, and do no more."""
    monkeypatch.chdir(clone)
    understand = argparse.ArgumentParser.parse_known_args

    def parse_only(parser, *args, **kwargs):
        if parser.prog.startswith("mnist-mlp ") or parser.prog.endswith(".py"):
            _, unknown = understand(parser, *args, **kwargs)
            assert not unknown
            raise Understood
        return understand(parser, *args, **kwargs)

    def parse(program, *args):
        module, _, function = COMMANDS[args[0]][0].partition(":") if program == "mnist-mlp" else ("", "", "")
        if module == "fit.command":
            assert prepare(args[0], typed=args[1:]).command == args[0]
            return
        command = getattr(import_module(f"mnist_mlp.{module}"), function) if module else partial(run_script, args[0])
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(argparse.ArgumentParser, "parse_known_args", parse_only)
            with pytest.raises(Understood):
                command(list(args[1:]))

    return parse


def run_script(script, args):
    """Run a script as Python runs it: with its arguments, and its folder before all others."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", [str(script), *args])
        patched.syspath_prepend(str(Path(script).parent))
        runpy.run_path(str(script), run_name="__main__")


TYPED = {page: list(lines_of_shell(page.read_text())) for page in PAGES}
SHELL = {shlex.join(words): words for lines in TYPED.values() for line in lines for words in words_of(line)}
PARSED = {line: words for line, words in SHELL.items() if words[0] == "mnist-mlp" or line.startswith("python scripts/")}
PARSED |= {
    line: ["mnist-mlp", *words[words.index("mnist_mlp") + 1 :]]
    for line, words in SHELL.items()
    if words[0] == "torchrun"
}


@pytest.mark.parametrize("line", PARSED)
def test_commands_parse(line, parse):
    if "compare_runs" in line or "lessons/" in line:
        pytest.importorskip("matplotlib")
    if "--help" not in line:
        parse(*PARSED[line])


def test_commands_of_every_kind_were_found():
    assert {words[1] for words in PARSED.values() if words[0] == "mnist-mlp"} == set(COMMANDS)
    assert {Path(words[0]).name for words in SHELL.values()} <= {
        "mnist-mlp",
        "python",
        "python3",
        "pip",
        "git",
        "cd",
        "torchrun",
        "dask",
    }


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_in_the_text_are_there(page, parse):
    for program, *args in map(shlex.split, spans_of_commands(page.read_text())):
        if program == "python":
            assert (ROOT / args[0]).exists()
        elif args:
            assert args[0] in COMMANDS
        if program == "mnist-mlp" and len(args) > 1 and "--help" not in args:
            parse(program, *args)


@pytest.fixture(scope="module")
def read_by_zsh(tmp_path_factory):
    """A function that types lines into an interactive zsh, where every program writes down its words instead."""
    zsh = shutil.which("zsh")
    if not zsh:
        pytest.skip("zsh is not installed")
    folder = tmp_path_factory.mktemp("zsh")
    programs = [*{words[0] for words in SHELL.values()} - {"cd"}, *(f".venv/bin/{name}" for name in IN_VENV)]
    for program in programs:
        stub = folder / program
        stub.parent.mkdir(parents=True, exist_ok=True)
        stub.write_text('#!/bin/sh\nprintf "%s\\0" "${0##*/}" "$@" >> words; echo >> words\n')
        stub.chmod(0o755)

    def read(lines):
        (folder / "words").write_text("")
        typed = "\n".join(["cd() { true }", *lines, ""])
        environment = {"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(folder), "TERM": "dumb"}
        given = {"cwd": folder, "env": environment, "input": typed, "timeout": 60}
        process = subprocess.run([zsh, "-f", "-i", "-s"], text=True, capture_output=True, **given)
        return [line.split("\0")[:-1] for line in (folder / "words").read_text().splitlines()], process.stderr

    return read


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_zsh_reads_the_commands_as_bash_does(page, read_by_zsh):
    lines = [*TYPED[page], *spans_of_commands(page.read_text())]
    wanted = [words for line in lines for words in words_of(line) if words[0] != "cd"]
    read, messages = read_by_zsh(lines)
    assert read == wanted, messages


@pytest.mark.parametrize("line", ["mnist-mlp test   # the newest run's best", "mnist-mlp fit --model.sizes [800]"])
def test_zsh_stumbles_over_comments_and_brackets(line, read_by_zsh):
    assert read_by_zsh([line, "mnist-mlp report"])[0] != [[*shlex.split(line, comments=True)], ["mnist-mlp", "report"]]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_are_typed_without_comments_and_with_quoted_brackets(page):
    for line in [*TYPED[page], *spans_of_commands(page.read_text())]:
        assert not re.search(UNSAFE, re.sub(r"\"[^\"]*\"|'[^']*'", "", line)), f"{name_of(page)}: {line}"


def test_help_and_messages_show_commands_that_any_shell_reads():
    shipped = [file for folder in ("mnist_mlp", "scripts", "configs") for file in (ROOT / folder).rglob("*.[py]*")]
    for file in (file for file in shipped if file.suffix in (".py", ".yaml")):
        for command in re.findall(r"mnist-mlp [a-z]+ \S.*|--[\w.]+[ =]\[.*", file.read_text()):
            typed = re.sub(r"\"[^\"]*\"|'[^']*'", "", command)
            assert not re.search(r"--[\w.]+[ =]\[|^mnist-mlp [^`]*  ", typed), f"{name_of(file)}: {command}"


def test_extras_are_there():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {extra for page in PAGES for extra in re.findall(r'"\.\[(\w+)\]"', page.read_text())}
    assert named == set(declared)


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_scripts_say_what_they_do(script, capsys):
    if script.stem == "compare_runs" or script.parent.name == "lessons":
        pytest.importorskip("matplotlib")
    with pytest.raises(SystemExit, match=r"^0$"):
        run_script(script, ["--help"])
    assert capsys.readouterr().out.startswith(f"usage: {script.name}")


def test_the_script_of_a_training_trains(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run_script(ROOT / "scripts" / "train.py", ["digits"])
    assert "test/acc" in capsys.readouterr().out
    assert [*Path("logs/script/version_0/checkpoints").iterdir()] == [
        Path("logs/script/version_0/checkpoints/best.ckpt")
    ]


def code_of(file, function):
    """The lines of a function."""
    source = file.read_text()
    (found,) = [node for node in ast.parse(source).body if getattr(node, "name", None) == function]
    return {line.strip() for line in source.splitlines()[found.lineno - 1 : found.end_lineno]}


def test_the_equations_are_those_lines_of_code():
    quoted = rows(section("The four equations, and the lines that compute them"))
    assert [row[0] for row in quoted if row[0]] == ["forward", "BP1", "BP2", "BP3", "BP4"]
    for _, _, code, where in quoted:
        ((file, function),) = re.findall(r"^\[.*\]\((.*)\) `(\w+)`$", where)
        lines = re.findall(r"`([^`]+)`", code)
        assert lines
        assert set(lines) <= code_of(ROOT / file, function), where


def test_one_more_of_a_kind_goes_where_the_readme_says():
    table = rows(section("One more of a kind"))
    assert len(table) > 8
    for kind, file, line in table:
        places = [ROOT / place for place in re.findall(r"\]\(([^)]+)\)", f"{file} {line}")]
        for name in re.findall(r"`(\w+)`", line):
            text = places[-1].read_text()
            assert re.search(rf"^{name}\b.*= ", text, flags=re.MULTILINE), f"{kind}: {name} is not in {places[-1]}"


def test_the_published_figures_were_counted():
    verdicts = [row[10].split()[0] for row in rows((ROOT / "configs" / "published" / "results.md").read_text())]
    kept = [verdict for verdict in verdicts if verdict in ("reached", "within", "same")]
    words = " ".join(README.split())
    assert f"{len(kept)} of the {len(verdicts)} figures that their sources print are reached" in words


def test_the_readme_is_short():
    prose = re.sub(TABLE_ROW, "", re.sub(r"<img.*?>", "", without_code(README)), flags=re.MULTILINE)
    assert len(prose.split()) <= PROSE_WORDS


def test_the_commands_of_the_first_screen_stand_at_the_beginning_of_a_line():
    (tests,) = re.findall(r"^python3 -m venv .*pytest .*$", README, flags=re.MULTILINE)
    installing = 'python3 -m venv .venv && .venv/bin/pip install --editable ".[dev]"'
    assert tests == f"{installing} && .venv/bin/python -m pytest -n 2 --dist loadfile"
    (start,) = re.findall(r"^python3 -m venv .*yaml$", README, flags=re.MULTILINE)
    assert (ROOT / start.split()[-1]).exists()
