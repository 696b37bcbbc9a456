"""scripts/deslant.py, by which MNIST's digits stand upright."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from mnist_mlp.data.idx_files import read_idx_dataset
from mnist_mlp.data.module import MNISTDataModule

SCRIPT = Path(__file__).parents[2] / "scripts" / "deslant.py"


@pytest.fixture(scope="module")
def deslanted():
    return runpy.run_path(str(SCRIPT))["deslanted"]


def slope_of(image):
    """By how many pixels the ink goes to the right from one line to the next."""
    y, x = np.mgrid[:28, :28]
    covariance = np.cov(np.stack([x, y]).reshape(2, -1), aweights=image.numpy().ravel())
    return covariance[0, 1] / covariance[1, 1]


def slanted(slope):
    """A thick line, whose centre of mass is not the middle of the image."""
    y, x = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    ink = 255 * (2 - (x - 14 - slope * (y - 15)).abs()).clamp(0, 1)
    return torch.where((y - 15).abs() < 10, ink, 0.0)


@pytest.mark.parametrize("slope", [-0.7, -0.2, 0.5])
def test_a_slanted_line_becomes_upright(deslanted, slope):
    line, upright = slanted(slope), slanted(0.0)
    assert slope_of(line) == pytest.approx(slope, abs=0.02)
    images = deslanted(torch.stack([line, upright]))
    assert abs(slope_of(images[0])) < 0.01
    assert images[0].sum().item() == pytest.approx(line.sum().item(), rel=1e-3)
    rows = images[0, 6:25]
    centres = (rows * torch.arange(28.0)).sum(dim=1) / rows.sum(dim=1)
    torch.testing.assert_close(centres, torch.full((19,), 14.0), rtol=0, atol=0.05)
    torch.testing.assert_close(images[1], upright, rtol=0, atol=1e-3)


def test_the_file_has_the_digits_with_their_labels(tiny_mnist, tmp_path, monkeypatch, deslanted):
    path = tmp_path / "new" / "deslanted.npz"
    monkeypatch.setattr(sys, "argv", ["deslant.py", str(path)])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    data = MNISTDataModule(str(path), val_size=0, batch_size=10)
    data.setup("fit")
    data.setup("test")
    for found, train in ((data.train_images, True), (data.test_images, False)):
        digits = read_idx_dataset("mnist", tiny_mnist.parents[1], train)
        expected = deslanted(digits.images.view(-1, 28, 28).float()).round().byte()
        assert torch.equal(found.images.view(-1, 28, 28), expected)
        assert found.labels.tolist() == digits.labels.tolist()
