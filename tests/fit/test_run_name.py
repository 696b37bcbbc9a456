"""A name is one folder, the same for all commands, or it is refused."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mnist_mlp.cli import main
from mnist_mlp.fit import prepare
from mnist_mlp.fit.run_folder import NewRun, find_checkpoint
from mnist_mlp.fit.run_name import check_run_name

QUICK = Path(__file__).parent.parent.parent / "configs" / "quickstart.yaml"
QUIET = {"accelerator": "cpu", "enable_progress_bar": False, "logger": False, "enable_checkpointing": False}
ODD = "Lauf 3 (größer), a=1+2 @x.y"
REFUSED = [
    "",
    "..",
    ".",
    "../x",
    "/tmp/x",
    "a/b",
    "$HOME",
    "a$HOME",
    "~",
    "~root",
    "null",
    "Null",
    "#c",
    "a ",
    " a",
    "a.",
]
REFUSED += ["-x", "a\nb", "a\0b", "{a: 1}", "[a]", "a: b", "\udc80", "x" * 256, "ö" * 128]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_single_folder_is_refused_by_all_commands(tmp_path, name):
    with pytest.raises(ValueError, match=r"^name must be"):
        prepare("fit", QUICK, typed=[f"--name={name}"], trainer=QUIET)
    with pytest.raises(ValueError, match=r"^name must be"):
        prepare("fit", QUICK, name=name, trainer=QUIET)
    with pytest.raises(ValueError, match=r"^name must be"):
        find_checkpoint("best", tmp_path, name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [3, True, ["a"]])
def test_a_name_in_a_file_must_be_text(tmp_path, name):
    (tmp_path / "mine.yaml").write_text(f"name: {name}\n")
    with pytest.raises(ValueError, match=r"name must be that of one folder.*; got "):
        prepare("fit", "mine.yaml", trainer=QUIET)


TEXT = st.one_of(st.text(max_size=30), st.text("aB1_.-+=@(), 0e", max_size=12), st.from_regex(r"\A\w{1,9}\Z"))


@given(TEXT)
@example("1e3")
@example("007")
@example("0x10")
@example("true")
@example("1:30")
@example("nan")
@example("2026-01-01")
@example("ß" * 127)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_refused_or_means_one_folder(tmp_path_factory, name):
    try:
        check_run_name(name)
    except ValueError:
        return
    here = tmp_path_factory.mktemp("run")
    for session in (
        prepare("fit", QUICK, typed=[f"--name={name}"], trainer=QUIET),
        prepare("fit", QUICK, name=name, trainer=QUIET),
    ):
        assert session.config.name == name
    folder = Path(NewRun(here, name).log_dir)
    assert folder == here / name / "version_0"
    checkpoint = folder / "checkpoints" / "best.ckpt"
    checkpoint.parent.mkdir()
    checkpoint.touch()
    assert find_checkpoint("best", here, name) == checkpoint
    assert [path.name for path in here.iterdir()] == [name]


def test_an_odd_name_is_the_same_through_all_commands(tmp_path, capsys):
    main(["fit", "--config", str(QUICK), "--name", ODD, "--trainer.max_epochs=1"])
    main(["fit", "--ckpt_path=last", "--name", ODD, "--trainer.max_epochs=2"])
    main(["test", "--name", ODD])
    with pytest.raises(SystemExit, match="0"):
        main(["predict", "--name", ODD])
    with pytest.raises(SystemExit, match="0"):
        main(["report", f"logs/{ODD}"])
    folder = tmp_path / "logs" / ODD / "version_0"
    assert {"predictions.csv", "report.html", "config.yaml"} <= {path.name for path in folder.iterdir()}
    assert [path.name for path in (tmp_path / "logs").iterdir()] == [ODD]
    assert [path.name for path in folder.parent.iterdir()] == ["version_0"]
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]
    assert f"<h1>{ODD} version_0</h1>" in (folder / "report.html").read_text()


@pytest.mark.parametrize("given", ["~/runs", "$HOME/runs", "${HOME}/runs"])
def test_the_log_folder_is_one_folder_too(tmp_path, monkeypatch, given):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    trainer = {"default_root_dir": given, "max_epochs": 1, "accelerator": "cpu", "enable_progress_bar": False}
    prepare("fit", QUICK, trainer=trainer, dashboard={"enabled": False}).execute()
    assert prepare("test", trainer={**QUIET, "default_root_dir": given}).checkpoint == (
        tmp_path / "home/runs/quickstart/version_0/checkpoints/best.ckpt"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_no_log_folder_is_the_usual_one():
    session = prepare("fit", QUICK, trainer={**QUIET, "default_root_dir": None})
    assert session.config.trainer.default_root_dir == "logs"
