"""What a network says of all images of a loader."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mnist_mlp.data.device_loader import DeviceLoader
from mnist_mlp.network.evaluating import evaluating
from mnist_mlp.training.classifier import MLPClassifier


@torch.no_grad()
def logits_of(model: MLPClassifier, loader: DeviceLoader) -> tuple[Float[Tensor, "n classes"], Int[Tensor, "n"]]:
    """The weighted inputs z^L of all images of a loader, and their labels, on the device of the network.

    Args:
        model: It is in eval mode meanwhile.
        loader: What gives the mini-batches, one by one: `MNISTDataModule.evaluation_loader`.
    """
    dtype = next(model.mlp.parameters()).dtype
    with evaluating(model):
        logits, labels = zip(*((model.mlp(x.to(dtype)), labels) for x, labels in loader), strict=True)
    return torch.cat(logits), torch.cat(labels)
