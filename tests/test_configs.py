"""Every shipped configuration file parses, builds, and says what it is for."""

from pathlib import Path

import pytest

from mnist_mlp.fit import prepare
from mnist_mlp.sweep.search import read_search

ROOT = Path(__file__).parent.parent
ALL = sorted((ROOT / "configs").rglob("*.yaml"))
SWEEPS = [path for path in ALL if path.name.startswith("sweep-")]
CONFIGS = [path for path in ALL if path not in SWEEPS]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: str(path.relative_to(ROOT)))
def test_parses_and_builds(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    session = prepare("fit", path, trainer={"accelerator": "cpu"})
    assert session.model.mlp.sizes[0] == session.datamodule.image_size**2
    assert session.model.configure_optimizers()


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_search_is_understood(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    search = read_search(path)
    session, *_ = search.check()
    assert session.model.mlp.sizes[0] == session.datamodule.image_size**2
    assert session.datamodule.val_size != 0


@pytest.mark.parametrize("path", ALL, ids=lambda path: str(path.relative_to(ROOT)))
def test_header(path):
    header = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert "TODO" not in path.read_text()
    published = ("# Published:", "# Left open:") if path.parent.name == "published" else ()
    for entry in ("# Purpose:", "# Command:", "# Expected:", *published):
        assert any(line.startswith(entry) for line in header), entry
    command = "sweep" if path in SWEEPS else "fit --config"
    assert f"mnist-mlp {command} {path.relative_to(ROOT)}" in "\n".join(header)
