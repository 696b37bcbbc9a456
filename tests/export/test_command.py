"""`mnist-mlp export`, as its users meet it."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mnist_mlp import load
from mnist_mlp.cli import main
from mnist_mlp.export.formats import FORMATS

README = Path(__file__).parent.parent.parent / "mnist_mlp" / "export" / "README.md"

pytestmark = pytest.mark.usefixtures("without_shape_checks")


@pytest.fixture
def run(digits_run, tmp_path, monkeypatch, capsys):
    """Run `mnist-mlp export` in a folder with a trained network; gives the exit status, and what it printed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs" / "quickstart" / "version_0").mkdir(parents=True)
    (tmp_path / "logs/quickstart/version_0/checkpoints").symlink_to(digits_run / "quickstart/version_0/checkpoints")

    def export(*args):
        status = 0
        try:
            main(["export", *map(str, args)])
        except SystemExit as stop:
            status = stop.code
            if isinstance(status, str):
                print(status, file=sys.stderr)
                status = 1
        return status, *capsys.readouterr()

    return export


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_is_written_and_its_size_and_reading_are_said(run, name):
    pytest.importorskip("onnx")
    path = Path("model").with_suffix(FORMATS[name].suffix)
    status, out, err = run("--format", name, "--output", path, "--ckpt_path", "last")
    assert status == 0, err
    assert "checkpoints/last.ckpt" in out
    assert f"{path} · {path.stat().st_size / 1e6:.2f} MB · read it with" in out
    assert out.count(str(path)) == 2
    assert [*Path().glob(".*.part")] == []


def test_by_default_it_lies_in_the_runs_folder_or_beside_the_checkpoint(run, digits_run):
    best = digits_run / "quickstart" / "version_0" / "checkpoints" / "best.ckpt"
    Path("mine.ckpt").write_bytes(best.read_bytes())
    assert run("--format", "npz", "--ckpt_path", "mine.ckpt")[0] == 0
    assert Path("mine.npz").exists()
    status, out, _ = run("--format", "npz")
    assert status == 0
    (path,) = re.findall(r"\S+best\.npz(?= ·)", out)
    assert Path(path).parent.name == "version_0"
    Path(path).unlink()


def test_a_file_that_is_there_is_kept(run):
    Path("model.npz").write_text("precious")
    status, _, err = run("--format", "npz", "--output", "model.npz")
    assert status == 1
    assert "model.npz is there already: delete it, or name another file with --output" in err
    assert Path("model.npz").read_text() == "precious"


def test_a_failure_in_the_middle_leaves_nothing(run, monkeypatch):
    def fail(self, data):
        with self.open("wb") as file:
            file.write(data[:10])
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    status, _, err = run("--format", "npz", "--output", "model.npz")
    assert status == 1
    assert "no space left on device" in err
    assert [path.name for path in Path().iterdir()] == ["logs"]


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["--format", "npz", "--output", "model.onnx"], "--output must name a .npz file; got model.onnx"),
        (["--format", "npz", "--output", "nowhere/model.npz"], "--output must name a file that can be written"),
        (["--format", "npz", "--output", "folder.npz"], "folder.npz is there already"),
        (["--format", "npz", "--ckpt_path", "nothing"], "there is no file nothing"),
        (["--format", "npz", "--ckpt_path", "empty.ckpt"], "empty.ckpt is empty"),
        (["--format", "npz", "--name", "other"], "has a best checkpoint"),
    ],
)
def test_bad_input_is_one_sentence(run, args, why):
    Path("empty.ckpt").touch()
    Path("folder.npz").mkdir()
    status, out, err = run(*args)
    assert (status, out) == (1, "")
    assert why in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in Path().iterdir()) == ["empty.ckpt", "folder.npz", "logs"]


def test_the_format_must_be_one_of_them(run):
    assert run("--format", "pickle")[0] == 2
    assert run()[0] == 2


BLOCKS = re.findall(r"^## (.*?)\n.*?^```python\n(.*?)^```$", README.read_text(), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("title", "code"), BLOCKS, ids=[title for title, _ in BLOCKS])
def test_the_readmes_lines_read_a_file_without_this_project(run, digits_run, title, code):
    """As they stand, on a zero image; and what they compute is what this project does."""
    pytest.importorskip("onnxruntime")
    name = {"NumPy alone": "npz", "safetensors": "safetensors", "ONNX": "onnx", "torch": "torch"}[title]
    lines = [line for line in code.splitlines() if line and not line.startswith(("import", "from"))]
    assert len(lines) <= 10
    path = Path(f"logs/mnist/version_0/best{FORMATS[name].suffix}")
    path.parent.mkdir(parents=True)
    assert run("--format", name, "--output", path)[0] == 0
    forbidden = {"npz": ["torch", "safetensors", "onnx"], "torch": []}.get(name, ["torch"])
    check = f"\nimport sys\nassert not sys.modules.keys() & {{'mnist_mlp', *{forbidden}}}, 'it needs more'\n"
    done = subprocess.run([sys.executable, "-c", code + check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = load("best", digits_run).predict_proba(np.zeros((3, 28, 28), dtype=np.uint8))
    assert str(expected.argmax(dim=1)[0].item()) in done.stdout
    if name in ("npz", "safetensors"):
        shown = float(done.stdout.replace("]", " ").split()[-1])
        assert shown == pytest.approx(expected.max().item(), abs=1e-4)
