"""Files of the embedding projector."""

from collections.abc import Sequence
from math import ceil, sqrt
from pathlib import Path
from typing import cast

import torch
from jaxtyping import Float
from lightning import LightningModule, Trainer
from tensorboard.plugins import projector
from torch import Tensor
from torch.nn import functional as F
from torchvision.utils import make_grid, save_image
from typing_extensions import override

from mnist_mlp.dashboard.panel import Panel, data_of, shown_images, writer_of
from mnist_mlp.network.gradient_health import probe
from mnist_mlp.training.classifier import MLPClassifier

PROJECTED_IMAGES, PROJECTED_DIMENSIONS = 300, 50


class Projector(Panel):
    """After the training: the activations of the last hidden layer, for the embedding projector."""

    @override
    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        writer, mlp = writer_of(trainer), cast(MLPClassifier, pl_module).mlp
        if writer is None:
            return
        data = data_of(trainer)
        _, loader = shown_images(data)
        x, labels = (tensor[:PROJECTED_IMAGES] for tensor in next(iter(loader)))
        names = [data.class_names[label] for label in labels.tolist()]
        images = loader.dataset.tensors[0][: len(x)].cpu().float() / 255
        name = "last_hidden_layer" if mlp.activations else "pixels"
        activations = probe(mlp, x.to(next(mlp.parameters()).dtype), labels).inputs[-1]
        write_projection(Path(writer.log_dir), name, activations.float().cpu(), names, images)


def write_projection(
    run: Path, name: str, vectors: Float[Tensor, "n d"], labels: Sequence[str], images: Float[Tensor, "n pixels"]
) -> None:
    """Write what the embedding projector reads: vectors, by their 50 first principal components if they have more."""
    if vectors.shape[1] > PROJECTED_DIMENSIONS:
        centred = vectors - vectors.mean(dim=0)
        u, s, _ = torch.linalg.svd(centred, full_matrices=False)
        vectors = (u * s)[:, :PROJECTED_DIMENSIONS]
    folder = run / "projector"
    folder.mkdir(exist_ok=True)
    rows = ("\t".join(f"{value:.4g}" for value in row) for row in vectors.tolist())
    (folder / "vectors.tsv").write_text("\n".join(rows) + "\n")
    (folder / "labels.tsv").write_text("\n".join(labels) + "\n")
    size = round(images.shape[1] ** 0.5)
    columns = ceil(sqrt(len(images)))  # the projector expects as many rows
    padded = F.pad(images, (0, 0, 0, columns**2 - len(images)))
    save_image(make_grid(1 - padded.view(-1, 1, size, size), columns, padding=0), folder / "sprite.png")

    config = projector.ProjectorConfig()
    embedding = config.embeddings.add(tensor_name=name, tensor_path="projector/vectors.tsv")
    embedding.metadata_path = "projector/labels.tsv"
    embedding.sprite.image_path = "projector/sprite.png"
    embedding.sprite.single_image_dim.extend([size, size])
    projector.visualize_embeddings(str(run), config)
