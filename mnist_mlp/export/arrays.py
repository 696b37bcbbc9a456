"""The bare weights, with words about them: NumPy's npz, and safetensors."""

import io
import json
from importlib import import_module
from typing import Any, cast

import numpy as np

from mnist_mlp.export.about import about, as_strings
from mnist_mlp.prediction.trained_network import TrainedNetwork


def arrays_of(network: TrainedNetwork) -> dict[str, np.ndarray]:
    """w1, b1, w2, b2, ...: float32, w_l of shape (n_l, n_{l-1}) and b_l of (n_l,)."""
    layers = enumerate(zip(network.mlp.weights, network.mlp.biases, strict=True), start=1)
    return {f"{name}{l}": p.detach().numpy() for l, (w, b) in layers for name, p in (("w", w), ("b", b))}


def to_npz(network: TrainedNetwork) -> bytes:
    """The arrays as npz; what a stranger needs is JSON in the string array `about`, so that no pickle is needed."""
    file = io.BytesIO()
    arrays = {"about": np.array(json.dumps(about(network))), **arrays_of(network)}
    cast(Any, np.savez)(file, **arrays)  # by its annotations, an array might be meant for one of its own arguments
    return file.getvalue()


def to_safetensors(network: TrainedNetwork) -> bytes:
    """The arrays as safetensors; what a stranger needs stands in its metadata."""
    return import_module("safetensors.numpy").save(arrays_of(network), metadata=as_strings(network))
