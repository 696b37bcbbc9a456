"""Each format, read by the program that it is for, says what this project says."""

import io
import json
import sys
from typing import Any

import numpy as np
import pytest
import torch
from prediction.networks import random_images, untrained

from mnist_mlp.equations.activations import ACTIVATIONS, Activation
from mnist_mlp.equations.costs import PAIRED, SQUARED
from mnist_mlp.export.about import about
from mnist_mlp.export.formats import FORMATS, exported
from mnist_mlp.export.onnx_graph import ACTIVATIONS as ONNX_ACTIVATIONS

pytestmark = pytest.mark.usefixtures("without_shape_checks")

OUTPUTS: list[dict[str, Any]] = [
    *[{"cost": cost} for cost in PAIRED],
    *[{"cost": cost, "output_activation": output} for cost in SQUARED for output in ACTIVATIONS],
]
NETWORKS: dict[str, dict[str, Any]] = {
    **{f"hidden {name}": {"activation": name} for name in ACTIVATIONS},
    **{" ".join(settings.values()): settings for settings in OUTPUTS},
    "mixed": {"sizes": (784, 7, 6, 5, 10), "activation": ["relu", "tanh", "sigmoid"]},
    "no hidden layer": {"sizes": (784, 10)},
    "letters": {"sizes": (784, 6, 26), "class_names": tuple("abcdefghijklmnopqrstuvwxyz")},
    "two classes": {"sizes": (784, 6, 2), "class_names": ("Bag", "Ankle boot")},
    "none of the classes": {"cost": "binary_cross_entropy", "output_shift": -6.0},
    "normalized": {"mean": 0.1307, "std": 0.3081},
    "padded": {"sizes": (30 * 30, 6, 10), "mean": 0.1307, "std": 0.3081},
}
networks = pytest.mark.parametrize("settings", NETWORKS.values(), ids=NETWORKS)


def onnx_session(content):
    onnxruntime = pytest.importorskip("onnxruntime")
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


@networks
def test_onnxruntime_gives_the_same_probabilities(settings):
    network = untrained(**settings)
    session = onnx_session(exported(network, "onnx"))
    for n in (1, 2, 37):
        (p,) = session.run(None, {"images": random_images(n).numpy()})
        assert p.shape == (n, len(network.class_names))
        assert np.abs(p - network.predict_proba(random_images(n)).numpy()).max() < 1e-5


@networks
def test_torch_gives_the_same_probabilities(settings):
    network = untrained(**settings)
    program = torch.export.load(io.BytesIO(exported(network, "torch"))).module()
    for n in (1, 2, 37):
        assert torch.allclose(program(random_images(n)), network.predict_proba(random_images(n)), rtol=0, atol=1e-5)


SIGMAS = {
    "identity": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "scaled_tanh": lambda z: 1.7159 * np.tanh(2 / 3 * z),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "softmax": lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True),
    "tanh": np.tanh,
}


def by_hand(told, arrays, images):
    """What a stranger computes who has read what is told."""
    added = told["image_size"] - 28
    a = np.pad(images / 255, ((0, 0), (0, added), (0, added))).reshape(len(images), -1)
    a = (a - told["mean"]) / told["std"]
    for l, name in enumerate(told["activations"], start=1):
        a = SIGMAS[name](a @ arrays[f"w{l}"].T + arrays[f"b{l}"])
    if told["probabilities"] != "the last a":
        a = a.clip(0, 1)
        a /= np.maximum(a.sum(axis=1, keepdims=True), 1)
    return a


@networks
@pytest.mark.parametrize("name", ["npz", "safetensors"])
def test_a_stranger_gets_the_same_probabilities(settings, name):
    network = untrained(**settings)
    content = exported(network, name)
    if name == "npz":
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = dict(file)
        told = json.loads(str(arrays.pop("about")))
    else:
        arrays = pytest.importorskip("safetensors.numpy").load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        told = decoded(header["__metadata__"])
    assert set(arrays) == {f"{kind}{l}" for kind in "wb" for l in range(1, len(network.mlp.sizes))}
    assert all(array.dtype == np.float32 for array in arrays.values())
    images = random_images(20)
    expected = network.predict_proba(images).numpy()
    assert np.abs(by_hand(told, arrays, images.numpy()) - expected).max() < 1e-5


def decoded(strings):
    """What stands as JSON in strings; others are strings themselves."""
    return {
        name: text if isinstance(about(untrained())[name], str) else json.loads(text) for name, text in strings.items()
    }


def told_by(content, name):
    """What a file of a format tells beside the weights."""
    if name == "onnx":
        return decoded(onnx_session(content).get_modelmeta().custom_metadata_map)
    if name == "torch":
        extra = {"about.json": ""}
        torch.export.load(io.BytesIO(content), extra_files=extra)
        return json.loads(extra["about.json"])
    if name == "safetensors":
        return decoded(json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"])
    return json.loads(str(np.load(io.BytesIO(content), allow_pickle=False)["about"]))


@pytest.mark.parametrize("name", FORMATS)
def test_each_tells_what_a_stranger_needs(name, digits_run):
    from mnist_mlp import load

    pytest.importorskip("onnxruntime")
    network = load("best", digits_run)
    told = told_by(exported(network, name), name)
    assert told == json.loads(json.dumps(about(network)))
    assert told["mean"] == 0
    assert told["classes"] == list("0123456789")
    assert told["sizes"] == [784, 200, 10]
    assert told["activations"] == ["relu", "softmax"]
    assert told["formulas"]["relu"] == "The rectifier: a = max(0, z)."
    assert told["training"]["model"]["hidden_sizes"] == [200]
    assert told["training"]["optimization"]["optimizer"]["class_path"].startswith("torch.optim.")
    assert told["result"]["best_val_acc"] == network.settings["best_val_acc"]
    assert "data_dir" not in json.dumps(told)


def test_every_activation_has_a_formula():
    for settings in OUTPUTS:
        for formula in about(untrained(**settings))["formulas"].values():
            assert " = " in formula


def test_onnx_takes_images_and_names_what_it_gives():
    session = onnx_session(exported(untrained(), "onnx"))
    (images,), (probabilities,) = session.get_inputs(), session.get_outputs()
    assert (images.name, images.type, images.shape) == ("images", "tensor(uint8)", ["n", 28, 28])
    assert (probabilities.name, probabilities.shape) == ("probabilities", ["n", 10])


def test_onnx_has_every_activation():
    assert set(ONNX_ACTIVATIONS) == {*ACTIVATIONS, "softmax"}


def test_a_new_activation_is_exported_or_refused_in_a_sentence(monkeypatch):
    def swish(z, out=None):
        """Swish: a = z sigmoid(z)."""
        return z * torch.sigmoid(z)

    monkeypatch.setitem(ACTIVATIONS, "swish", Activation(swish, swish, swish))
    pytest.importorskip("onnx")
    for network in (untrained(activation="swish"), untrained(cost="mse", output_activation="swish")):
        with pytest.raises(ValueError, match=r"swish cannot be exported to onnx; it has identity, relu, .*: choose an"):
            exported(network, "onnx")
        program = torch.export.load(io.BytesIO(exported(network, "torch"))).module()
        assert torch.allclose(program(random_images()), network.predict_proba(random_images()), atol=1e-5)
        assert told_by(exported(network, "npz"), "npz")["formulas"]["swish"] == "Swish: a = z sigmoid(z)."


@pytest.mark.parametrize(("name", "package"), [("onnx", "onnx"), ("safetensors", "safetensors")])
def test_what_is_not_installed_is_named(monkeypatch, name, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        ValueError, match=rf"needs {package}, which is not installed: pip install 'mnist-mlp\[export\]'"
    ):
        exported(untrained(), name)


def test_an_unknown_format_is_refused():
    with pytest.raises(ValueError, match="format must be one of onnx, torch, safetensors, npz; got 'pickle'"):
        exported(untrained(), "pickle")


@pytest.mark.parametrize("name", FORMATS)
def test_exporting_changes_nothing(name):
    pytest.importorskip("onnx")
    network = untrained()
    before = network.predict_proba(random_images())
    parameters = [p.requires_grad for p in network.mlp.parameters()]
    exported(network, name)
    assert torch.equal(network.predict_proba(random_images()), before)
    assert [p.requires_grad for p in network.mlp.parameters()] == parameters
