"""What the distortions make of the images that train."""

import torch
from lightning import LightningModule, Trainer
from typing_extensions import override

from mnist_mlp.dashboard.panel import Panel, add_picture, loader_of, writer_of
from mnist_mlp.dashboard.pictures import draw_digits

COLUMNS, SHOWN_IMAGES = 10, 30


class DistortedImages(Panel):
    """Before the training: some training images, as they are and distorted, if they are distorted."""

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        loader, writer = loader_of(trainer), writer_of(trainer)
        if writer is None or not loader.augmentation.distorts or trainer.global_step:
            return
        n = min(SHOWN_IMAGES, len(loader.dataset))
        columns = min(COLUMNS, n)
        shown = torch.arange(n - n % columns, device=pl_module.device)
        plain, _ = loader.look_up(shown)
        x, labels = loader.look_up(shown[None])
        loader.distort(x, labels, 0)
        rows = [row for pair in zip(plain.split(columns), x[0].split(columns), strict=True) for row in pair]
        caption = "Images that train, in the odd rows as they are, and below each as one epoch distorts it"
        add_picture(writer, "digits/distorted", draw_digits(torch.cat(rows), columns), caption, 0)
