"""torch.export: a program from uint8 images to probabilities, which torch runs without this project."""

import io
import json

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from mnist_mlp.equations.activations import ACTIVATIONS, softmax
from mnist_mlp.export.about import about
from mnist_mlp.prediction.trained_network import TrainedNetwork

ABOUT = "about.json"
"""The file in the archive that holds what a stranger needs, as `torch.export.load(extra_files=...)` gives it."""


class ImagesToProbabilities(nn.Module):
    """What `TrainedNetwork.predict_proba` computes, without its checks, which cannot be traced.

    Args:
        network: Whose layers it shares.
    """

    def __init__(self, network: TrainedNetwork) -> None:
        super().__init__()
        self.layers = network.mlp.layers
        self.mean, self.std = network.mean, network.std
        self.added = network.image_size - 28
        self.sigmas = [ACTIVATIONS[name].function for name in network.mlp.activations]
        self.output = network.mlp.cost.output_activation

    def forward(self, images: UInt8[Tensor, "n 28 28"]) -> Float[Tensor, "n classes"]:
        """The probabilities of the classes."""
        pixels = F.pad(images.float() / 255, (0, self.added, 0, self.added))
        a = (pixels.flatten(1) - self.mean) / self.std
        for layer, sigma in zip(self.layers, [*self.sigmas, self.output], strict=True):
            a = sigma(layer(a))
        if self.output is softmax:
            return a
        a = a.clamp(0, 1)
        return a / a.sum(dim=1, keepdim=True).clamp(min=1)


def to_torch_program(network: TrainedNetwork) -> bytes:
    """The network as torch.export writes it, for any number of images."""
    images = torch.zeros(2, 28, 28, dtype=torch.uint8)  # 1 would be taken for a constant
    shapes = {"images": {0: torch.export.Dim("n")}}
    program = torch.export.export(ImagesToProbabilities(network), (images,), dynamic_shapes=shapes)
    file = io.BytesIO()
    torch.export.save(program, file, extra_files={ABOUT: json.dumps(about(network), indent=2)})
    return file.getvalue()
