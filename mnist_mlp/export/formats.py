"""The formats by their names."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import NamedTuple

from mnist_mlp.export.arrays import to_npz, to_safetensors
from mnist_mlp.export.onnx_graph import to_onnx
from mnist_mlp.export.torch_program import to_torch_program
from mnist_mlp.prediction.trained_network import TrainedNetwork


class Format(NamedTuple):
    """A kind of file.

    Attributes:
        suffix: What its files end in.
        write: From a network to the bytes of a file.
        reading: How to read one, in a line of Python with {path}.
        needs: The package that writes it, where it is in the extra `export`.
    """

    suffix: str
    write: Callable[[TrainedNetwork], bytes]
    reading: str
    needs: str | None = None


FORMATS = {
    "onnx": Format(".onnx", to_onnx, 'onnxruntime.InferenceSession("{path}").run(None, {{"images": images}})', "onnx"),
    "torch": Format(".pt2", to_torch_program, 'torch.export.load("{path}").module()(images)'),
    "safetensors": Format(
        ".safetensors", to_safetensors, 'safetensors.safe_open("{path}", "numpy").metadata()', "safetensors"
    ),
    "npz": Format(".npz", to_npz, 'json.loads(str(numpy.load("{path}")["about"]))'),
}


def exported(network: TrainedNetwork, name: str) -> bytes:
    """The bytes of a file of a format.

    Args:
        network: The network.
        name: A name in `FORMATS`.

    Raises:
        ValueError: if there is no such format, its package is not installed, or the network has what it cannot hold.
    """
    if name not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}; got {name!r}")
    needed = FORMATS[name].needs
    if needed and not find_spec(needed):
        raise ValueError(f"the format {name} needs {needed}, which is not installed: pip install 'mnist-mlp[export]'")
    return FORMATS[name].write(network)
