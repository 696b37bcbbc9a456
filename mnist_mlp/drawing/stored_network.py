"""A trained network as the page stores it: numbers and names for JSON, weights as text."""

import re
from base64 import b64encode
from importlib.resources import files
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mnist_mlp.prediction import UNSURE, TrainedNetwork

LARGEST = 2**15 - 1


def stored_network(network: TrainedNetwork) -> dict[str, Any]:
    """All that the page needs to know of a network.

    Raises:
        ValueError: if a weight is not finite, or the page does not know an activation.
    """
    output_activation = network.mlp.cost.output_activation.__name__
    known = known_activations()
    for name in (*network.mlp.activations, output_activation):
        if name not in (*known, "softmax"):
            raise ValueError(
                f"the page knows the activations {', '.join(known)}, and softmax for the outputs; got {name}: "
                "add a line to ACTIVATIONS in mnist_mlp/drawing/network.js"
            )
    return {
        "image_size": network.image_size,
        "mean": network.mean,
        "std": network.std,
        "class_names": list(network.class_names),
        "activations": list(network.mlp.activations),
        "output_activation": output_activation,
        "unsure": UNSURE,
        "layers": [stored_layer(w, b) for w, b in zip(network.mlp.weights, network.mlp.biases, strict=True)],
    }


def known_activations() -> list[str]:
    """The names in the table `ACTIVATIONS` of `network.js`."""
    script = files("mnist_mlp.drawing").joinpath("network.js").read_text(encoding="utf-8")
    table = script.split("const ACTIVATIONS = {")[1].split("\n};")[0]
    return re.findall(r"^  (\w+): \{", table, flags=re.MULTILINE)


def stored_layer(w: Tensor, b: Tensor) -> dict[str, str]:
    """A layer's weights as 16-bit integers times one scale for each neuron, which rounds them less than float16 does.

    Args:
        w: (n_l, n_{l-1}), the weights.
        b: (n_l,), the biases.

    Returns:
        base64 of int16 `weights` (n_l, n_{l-1}), float32 `scales` (n_l,) and float32 `biases` (n_l,).

    Raises:
        ValueError: if one of them is not finite.
    """
    if not (torch.isfinite(w).all() and torch.isfinite(b).all()):
        raise ValueError("the network has weights that are not finite: its training diverged; give another checkpoint")
    rows = w.detach().double().numpy()
    scales = (np.abs(rows).max(axis=1) / LARGEST).astype(np.float32)
    whole = np.rint(rows / np.where(scales > 0, scales, 1)[:, None]).clip(-LARGEST, LARGEST)
    return {
        "weights": _as_text(whole.astype("<i2")),
        "scales": _as_text(scales.astype("<f4")),
        "biases": _as_text(b.detach().numpy().astype("<f4")),
    }


def _as_text(numbers: np.ndarray) -> str:
    return b64encode(numbers.tobytes()).decode()
