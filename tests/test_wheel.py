"""A built wheel holds the whole package, and works where there is no clone of the repository."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent
BUILD = "from setuptools import build_meta; print(build_meta.build_wheel({folder!r}))"  # what pip calls, too


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder into which a wheel of this project was unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # a copy, since a build leaves its own files beside what it builds
    shutil.copytree(ROOT / "mnist_mlp", source / "mnist_mlp", ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    command = [sys.executable, "-c", BUILD.format(folder=str(folder))]
    built = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    with ZipFile(wheel) as packed:
        packed.extractall(folder / "installed")
    return folder / "installed"


def run(installed, folder, *args):
    """Run Python in a folder, with the unpacked wheel before all else."""
    environment = os.environ | {"PYTHONPATH": str(installed)}
    command = [sys.executable, *map(str, args)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_holds_every_module_and_what_they_read(installed):
    modules = {path.relative_to(ROOT) for path in (ROOT / "mnist_mlp").rglob("*.py")}
    others = {Path("mnist_mlp/py.typed"), Path("mnist_mlp/dashboard/report_page.html")}
    drawing = (ROOT / "mnist_mlp" / "drawing").iterdir()
    others |= {path.relative_to(ROOT) for path in drawing if path.suffix in (".html", ".css", ".js")}
    assert {
        path.relative_to(installed) for path in (installed / "mnist_mlp").rglob("*") if path.is_file()
    } == modules | others
    assert {path.name for path in installed.iterdir() if path.suffix != ".dist-info"} == {"mnist_mlp"}


def test_it_works_far_from_the_repository(installed, tmp_path):
    where = "import mnist_mlp.fit; print(mnist_mlp.fit.__file__)"
    assert run(installed, tmp_path, "-c", where).strip() == str(installed / "mnist_mlp" / "fit" / "__init__.py")
    assert run(installed, tmp_path, "-m", "mnist_mlp", "--help").startswith("usage: mnist-mlp")
    config = ROOT / "configs" / "quickstart.yaml"
    out = run(installed, tmp_path, "-m", "mnist_mlp", "fit", "--config", config, "--trainer.max_epochs", 1)
    assert "best val/acc" in out
    assert (tmp_path / "logs" / "quickstart" / "version_0" / "checkpoints" / "best.ckpt").exists()
