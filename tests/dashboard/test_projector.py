from pathlib import Path

import pytest
import torch
from PIL import Image

from mnist_mlp import MNISTDataModule
from mnist_mlp.dashboard.projector import PROJECTED_DIMENSIONS, write_projection


def test_each_image_has_its_label(fit):
    folder = fit(epochs=1) / "projector"
    data = MNISTDataModule(val_size=20, batch_size=8)
    data.setup("fit")
    assert folder.joinpath("labels.tsv").read_text().split() == [str(y) for y in data.val_images.labels.tolist()]
    vectors = folder.joinpath("vectors.tsv").read_text().splitlines()
    assert [len(vector.split("\t")) for vector in vectors] == [5] * 20
    with Image.open(folder / "sprite.png") as sprite:
        first = torch.tensor(list(sprite.convert("L").crop((0, 0, 28, 28)).tobytes()))
    torch.testing.assert_close(255 - first, data.val_images.images[0].long(), rtol=0, atol=1)


@pytest.mark.parametrize("width", [3, 200])
def test_vectors_are_written_as_they_are_or_by_their_principal_components(tmp_path, width):
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(30, 20, generator=generator) @ torch.randn(20, width, generator=generator)
    write_projection(
        tmp_path, "last_hidden_layer", vectors, [str(i) for i in range(30)], torch.rand(30, 784, generator=generator)
    )
    lines = (tmp_path / "projector/vectors.tsv").read_text().splitlines()
    written = torch.tensor([[float(value) for value in line.split("\t")] for line in lines])
    assert written.shape == (30, min(width, 30, PROJECTED_DIMENSIONS))
    torch.testing.assert_close(torch.cdist(written, written), torch.cdist(vectors, vectors), rtol=1e-2, atol=0.1)
    assert (tmp_path / "projector/labels.tsv").read_text().split() == [str(i) for i in range(30)]
    with Image.open(tmp_path / "projector" / "sprite.png") as sprite:
        assert sprite.size == (6 * 28, 6 * 28)
    config = (tmp_path / "projector_config.pbtxt").read_text()
    assert all(
        Path(tmp_path / path).exists() for path in ("projector/sprite.png", "projector/vectors.tsv") if path in config
    )
    assert config.count("projector/") == 3
