"""What a stranger needs beside the weights, in plain numbers, strings, lists and dicts."""

import json
from importlib.metadata import version
from typing import Any

from mnist_mlp.equations.activations import ACTIVATIONS, softmax
from mnist_mlp.prediction.trained_network import TrainedNetwork

PRIVATE = ("data_dir",)
"""Settings of a training that say more of a machine than of a network."""


def about(network: TrainedNetwork) -> dict[str, Any]:
    """All that is to be known of a network and its inputs.

    Raises:
        ValueError: if the output activation has no name.
    """
    settings = network.settings
    data = {name: value for name, value in settings.get("data", {}).items() if name not in PRIVATE}
    names = [*network.mlp.activations, output_activation(network)]
    functions = {name: sigma.function for name, sigma in ACTIVATIONS.items()} | {"softmax": softmax}
    return {
        "made_by": f"mnist-mlp {version('mnist-mlp')}",
        "input": "images of 28x28 pixels, row by row from the top left, 0 background, 255 ink, uint8",
        "inputs_are": "pixel / 255, with zeros added below and at the right up to image_size, then (x - mean) / std",
        "image_size": network.image_size,
        "mean": network.mean,
        "std": network.std,
        "classes": list(network.class_names),
        "sizes": list(network.mlp.sizes),
        "activations": names,
        "formulas": {name: (functions[name].__doc__ or name).splitlines()[0] for name in names},
        "layers": "for l = 1 ... L: z = a @ w_l.T + b_l, a = activations[l - 1](z); w_l is (sizes[l], sizes[l - 1])",
        "probabilities": probabilities(network),
        "training": {name: settings.get(name) for name in ("model", "optimization")} | {"data": data},
        "result": {name: settings.get(name) for name in ("epoch", "steps", "best_val_acc")},
    }


def output_activation(network: TrainedNetwork) -> str:
    """The name of the network's output activation.

    Raises:
        ValueError: if it has none.
    """
    function = network.mlp.cost.output_activation
    names = {sigma.function: name for name, sigma in ACTIVATIONS.items()} | {softmax: "softmax"}
    if function not in names:
        raise ValueError(f"the output activation {function} cannot be exported: give it a name in ACTIVATIONS")
    return names[function]


def probabilities(network: TrainedNetwork) -> str:
    """How probabilities are made of the last activation, see `TrainedNetwork.predict_proba`."""
    if output_activation(network) == "softmax":
        return "the last a"
    return "the last a cut to [0, 1], then divided by its sum where that is more than 1"


def as_strings(network: TrainedNetwork) -> dict[str, str]:
    """The same for formats that take strings alone: what is no string, as JSON."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in about(network).items()}
