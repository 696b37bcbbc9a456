"""Shapes are checked at run time where tensors have them, and no test needs the network or MNIST unless it says so."""

# before torch, so that its threads do not spin where another test needs the core
import mnist_mlp  # noqa: F401  # isort: skip

import hashlib
import os
import shutil
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from jaxtyping import config, install_import_hook
from lightning.fabric.utilities.rank_zero import rank_zero_only

if folder := os.environ.get("MNIST_MLP_DATA_DIR"):
    os.environ["MNIST_MLP_DATA_DIR"] = str(Path(folder).resolve())  # tests run in folders of their own

WITH_SHAPES = ("equations", "network", "bare_loop", "data.distortions", "schedules", "dashboard.pictures")
install_import_hook([f"mnist_mlp.{module}" for module in WITH_SHAPES], "beartype.beartype")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("mnist") and not os.environ.get("MNIST_MLP_DATA_DIR"):
            item.add_marker(pytest.mark.skip(reason="MNIST_MLP_DATA_DIR does not name the real MNIST files"))
        if item.get_closest_marker("cuda") and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))


@pytest.fixture(autouse=True)
def first_process(monkeypatch):
    """A test that lets Lightning believe to be another process of several says so to no other test."""
    monkeypatch.setattr(rank_zero_only, "rank", 0)


def idx_file(array):
    """The content of an IDX file that holds an array of bytes."""
    header = bytes([0, 0, 8, array.dim()]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.numpy().tobytes()


@pytest.fixture
def tiny_mnist(tmp_path, monkeypatch):
    """A folder with 60 training and 20 test images in MNIST's files, whose sums pass for the published ones."""
    from mnist_mlp.data import idx_files as datasets

    generator = torch.Generator().manual_seed(0)
    folder = tmp_path / "data" / "MNIST" / "raw"
    folder.mkdir(parents=True)
    md5 = {}
    for part, n in (("train", 60), ("t10k", 20)):
        for kind, shape, top in (("images-idx3", (n, 28, 28), 256), ("labels-idx1", (n,), 10)):
            array = torch.randint(top, shape, generator=generator, dtype=torch.uint8)
            content = idx_file(array)
            (folder / f"{part}-{kind}-ubyte").write_bytes(content)
            md5[f"{part}-{kind}-ubyte"] = hashlib.md5(content).hexdigest()
    monkeypatch.setitem(datasets.IDX_DATASETS, "mnist", datasets.IDX_DATASETS["mnist"]._replace(md5=md5))
    monkeypatch.setenv("MNIST_MLP_DATA_DIR", str(tmp_path / "data"))
    return folder


@pytest.fixture
def process_group(tmp_path):
    """This process as the only one of a group that talks through gloo."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/group", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory):
    """The folder of all runs, with one that was trained on scikit-learn's digits."""
    from mnist_mlp.fit import prepare

    logs = tmp_path_factory.mktemp("digits") / "logs"
    config.update("jaxtyping_disable", True)
    trainer = {"default_root_dir": str(logs), "enable_progress_bar": False, "accelerator": "cpu"}
    quick = Path(__file__).parent.parent / "configs" / "quickstart.yaml"
    prepare("fit", quick, trainer=trainer, dashboard={"enabled": False}).execute()
    config.update("jaxtyping_disable", False)
    return logs


@pytest.fixture(scope="session")
def browser():
    """One for all tests, since a process can run Playwright but once."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("there is no Chromium")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--enable-unsafe-swiftshader"]
        )
        yield browser
        browser.close()


@pytest.fixture
def without_shape_checks():
    """As users run the package: it has to refuse bad shapes itself."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


@pytest.fixture
def offline(monkeypatch):
    """No mirror answers."""
    from urllib.error import URLError

    def refuse(*args, **kwargs):
        raise URLError("no network")

    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", refuse)
    monkeypatch.setattr("torchvision.datasets.utils.download_url", refuse)
