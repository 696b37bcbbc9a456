"""MNIST in memory, as most contestants of `mnist-mlp benchmark` take it."""

import torch

from mnist_mlp.data.module import MNISTDataModule


class Images:
    """The images that train and those that validate, as floats in [0, 1], on a device.

    Attributes:
        x: The images that train, of shape (50000, 784).
        labels: Their digits.
        val_x: The images that validate, of shape (10000, 784).
        val_labels: Their digits.
        values: The values that are aimed at, for each digit: the identity matrix.
    """

    def __init__(self, device: str = "cpu") -> None:
        data = MNISTDataModule()
        data.prepare_data()
        data.setup("fit")
        self.x, self.val_x = (part.images.to(device).float() / 255 for part in (data.train_images, data.val_images))
        self.labels, self.val_labels = (part.labels.to(device) for part in (data.train_images, data.val_images))
        self.values = torch.eye(10, device=device)
