"""What a network says of all images of a loader."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mnist_mlp.data.device_loader import DeviceLoader
from mnist_mlp.training.classifier import MLPClassifier


@torch.no_grad()
def logits_of(model: MLPClassifier, loader: DeviceLoader) -> tuple[Float[Tensor, "n classes"], Int[Tensor, "n"]]:
    """The weighted inputs z^L of all images of a loader, and their labels, on the device of the network.

    Args:
        model: Put into eval mode, and then back into the mode it was in.
        loader: What gives the mini-batches, one by one: `MNISTDataModule.evaluation_loader`.
    """
    trained = model.training
    model.eval()
    dtype = model.mlp.weights[0].dtype
    logits, labels = zip(*((model.mlp(x.to(dtype)), labels) for x, labels in loader), strict=True)
    model.train(trained)
    return torch.cat(logits), torch.cat(labels)
