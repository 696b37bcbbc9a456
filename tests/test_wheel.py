"""A built wheel holds the whole package, and works where there is no clone of the repository."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent
BUILD = "from hatchling import build; print(build.build_wheel({folder!r}))"  # what pip calls, too


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder into which a wheel of this project was unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # a copy, since a build leaves its own files beside what it builds
    for name in ("mnist_mlp", "configs", "scripts"):
        shutil.copytree(ROOT / name, source / name)
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    command = [sys.executable, "-c", BUILD.format(folder=str(folder))]
    built = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    with ZipFile(wheel) as packed:
        packed.extractall(folder / "installed")
    return folder / "installed"


@pytest.fixture
def empty(tmp_path):
    """A folder that holds nothing, as that of somebody who has installed the package and cloned nothing."""
    return tmp_path


def run(installed, folder, *args, status=0):
    """Run Python in a folder, with the unpacked wheel before all else."""
    environment = os.environ | {"PYTHONPATH": str(installed)}
    command = [sys.executable, *map(str, args)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout


def test_it_holds_every_module_and_what_they_read(installed):
    modules = {path.relative_to(ROOT) for path in (ROOT / "mnist_mlp").rglob("*.py")}
    others = {Path("mnist_mlp/py.typed"), Path("mnist_mlp/dashboard/report_page.html")}
    drawing = (ROOT / "mnist_mlp" / "drawing").iterdir()
    others |= {path.relative_to(ROOT) for path in drawing if path.suffix in (".html", ".css", ".js")}
    shipped = {
        "mnist_mlp/shipped" / path.relative_to(ROOT)
        for folder, ends in (("configs", (".yaml", ".json")), ("scripts/lessons", (".py",)))
        for path in (ROOT / folder).rglob("*")
        if path.suffix in ends
    }
    assert len(shipped) > 60
    held = {path.relative_to(installed) for path in (installed / "mnist_mlp").rglob("*") if path.is_file()}
    assert {path for path in held if path.suffix != ".md"} == modules | others | shipped
    assert {path.name for path in installed.iterdir() if path.suffix != ".dist-info"} == {"mnist_mlp"}


def test_it_works_far_from_the_repository(installed, tmp_path):
    where = "import mnist_mlp.fit; print(mnist_mlp.fit.__file__)"
    assert run(installed, tmp_path, "-c", where).strip() == str(installed / "mnist_mlp" / "fit" / "__init__.py")
    assert run(installed, tmp_path, "-m", "mnist_mlp", "--help").startswith("usage: mnist-mlp")
    config = ROOT / "configs" / "quickstart.yaml"
    out = run(installed, tmp_path, "-m", "mnist_mlp", "fit", "--config", config, "--trainer.max_epochs", 1)
    assert "best val/acc" in out
    assert (tmp_path / "logs" / "quickstart" / "version_0" / "checkpoints" / "best.ckpt").exists()


def test_configurations_are_found_by_name_in_an_empty_folder(installed, empty):
    def mnist_mlp(*args):
        return run(installed, empty, "-m", "mnist_mlp", *args)

    assert "\n  quickstart " in mnist_mlp("configs")
    assert "best val/acc" in mnist_mlp("fit", "--config", "quickstart", "--trainer.max_epochs", 1)
    assert (empty / "logs/quickstart/version_0/checkpoints/best.ckpt").exists()
    assert mnist_mlp("configs", "quickstart").startswith("quickstart.yaml; mnist-mlp fit --config quickstart.yaml")
    assert (empty / "quickstart.yaml").read_text() == (ROOT / "configs" / "quickstart.yaml").read_text()
    assert "best val/acc" in mnist_mlp("fit", "--config", "quickstart.yaml", "--trainer.max_epochs", 1)


def test_lessons_and_published_rows_are_found_in_an_empty_folder(installed, empty):
    pytest.importorskip("matplotlib")
    assert "slow_learning: A neuron" in run(installed, empty, "-m", "mnist_mlp", "lessons", "--list")
    assert "sigma'(z) at the start" in run(installed, empty, "-m", "mnist_mlp", "lessons", "slow_learning")
    assert [path.name for path in empty.iterdir()] == ["slow_learning.png"]
    out = run(installed, empty, "-m", "mnist_mlp", "reproduce", "nielsen-ch1-30", "--budget", 0, status=1)
    assert "not finished: nielsen-ch1-30" in out
