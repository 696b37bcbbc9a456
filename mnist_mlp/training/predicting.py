"""What a classifier of images is asked in a notebook: what it is, and what it says of some images."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from typing_extensions import override

from mnist_mlp.data.images import pixels_of
from mnist_mlp.lightning_internals.adverts import silence_adverts
from mnist_mlp.lightning_internals.hyper_parameters import settings_shown
from mnist_mlp.network.evaluating import evaluating
from mnist_mlp.network.mlp import MLP
from mnist_mlp.training.pixels import Batch, NormalizesPixels

silence_adverts()  # in every program that imports a model


class PredictsImages(NormalizesPixels):
    """A LightningModule with a network, which can be asked for the classes of images.

    Attributes:
        mlp: The network.
    """

    mlp: MLP

    @override
    def __repr__(self) -> str:
        return settings_shown(self)

    @torch.no_grad()
    def predict_proba(self, images: np.ndarray | Tensor) -> Float[Tensor, "n classes"]:
        """The output activation, without dropout and without a graph: probabilities, where the cost is a cross-entropy.

        Args:
            images: Of shape (n, 28, 28) or (n, 784), or what the network's inputs are; integers from 0 to 255, or
                floating-point values in [0, 1]. 0 is the background.

        Raises:
            ValueError: if the shape or the values are others.
        """
        with evaluating(self):
            return self.mlp.predict_proba(self.normalized(pixels_of(images).to(self.device)))

    def predict_step(self, batch: Batch | Tensor, batch_idx: int) -> Float[Tensor, "batch classes"]:
        """The output activation: probabilities, where the cost is a cross-entropy. Images may come without labels."""
        return self.mlp.predict_proba(self.rows_of(batch))
