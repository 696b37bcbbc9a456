"""ONNX: from uint8 images to probabilities, for any program that runs ONNX.

The graph is written node by node: it is the equations, and so needs nothing that traces a program.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from mnist_mlp.equations.activations import SCALED_TANH_AMPLITUDE, SCALED_TANH_SLOPE
from mnist_mlp.export.about import as_strings, output_activation
from mnist_mlp.prediction.trained_network import TrainedNetwork

OPSET, IR_VERSION = 17, 8
"""Old enough for any onnxruntime since 1.14, of 2023."""

# name of an activation -> its operations, each with a constant as second input, or None
ACTIVATIONS: dict[str, Sequence[tuple[str, float | None]]] = {
    "identity": [("Identity", None)],
    "relu": [("Relu", None)],
    "scaled_tanh": [("Mul", SCALED_TANH_SLOPE), ("Tanh", None), ("Mul", SCALED_TANH_AMPLITUDE)],
    "sigmoid": [("Sigmoid", None)],
    "softmax": [("Softmax", None)],
    "tanh": [("Tanh", None)],
}


class Graph:
    """A chain of operations, each of which takes the result of the one before.

    Attributes:
        nodes: The operations.
        constants: The arrays that they need.
        last: The name of the last result.
    """

    def __init__(self, start: str) -> None:
        self.onnx: Any = import_module("onnx")
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.last = start

    def add(self, operation: str, *others: np.ndarray | float | str, into: str | None = None, **attributes: Any) -> str:
        """Append an operation on the last result and others: arrays, numbers, or names of earlier results.

        Returns:
            The name of its result.
        """
        names = [other if isinstance(other, str) else self._constant(other) for other in others]
        result = into or f"{operation.lower()}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(operation, [self.last, *names], [result], **attributes))
        self.last = result
        return result

    def _constant(self, value: np.ndarray | float) -> str:
        array = value if isinstance(value, np.ndarray) else np.array(value, dtype=np.float32)
        name = f"constant_{len(self.constants)}"
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def activate(self, name: str) -> None:
        """Append an activation."""
        if name not in ACTIVATIONS:
            raise ValueError(
                f"{name} cannot be exported to onnx; it has {', '.join(ACTIVATIONS)}: choose another format"
            )
        for operation, constant in ACTIVATIONS[name]:
            self.add(operation, *([] if constant is None else [constant]))


def to_onnx(network: TrainedNetwork) -> bytes:
    """The network as an ONNX model: `images`, uint8 (n, 28, 28), to `probabilities`, float32 (n, classes).

    What a stranger needs stands in its metadata_props.

    Raises:
        ValueError: if an activation has no ONNX operation.
    """
    graph = Graph("images")
    onnx, types = graph.onnx, graph.onnx.TensorProto
    graph.add("Cast", to=types.FLOAT)
    graph.add("Div", 255.0)
    if added := network.image_size - 28:
        graph.add("Pad", np.array([0, 0, 0, 0, added, added], dtype=np.int64))
    graph.add("Flatten", axis=1)
    graph.add("Sub", network.mean)
    graph.add("Div", network.std)
    names = [*network.mlp.activations, output_activation(network)]
    for w, b, name in zip(network.mlp.weights, network.mlp.biases, names, strict=True):
        graph.add("Gemm", w.detach().numpy(), b.detach().numpy(), transB=1)
        graph.activate(name)
    _add_probabilities(graph, names[-1])
    shapes = (("images", types.UINT8, ["n", 28, 28]), ("probabilities", types.FLOAT, ["n", network.mlp.sizes[-1]]))
    ends = [onnx.helper.make_tensor_value_info(*shape) for shape in shapes]
    made = onnx.helper.make_graph(graph.nodes, "mnist_mlp", ends[:1], ends[1:], graph.constants)
    opset = onnx.helper.make_opsetid("", OPSET)
    model = onnx.helper.make_model(made, opset_imports=[opset], ir_version=IR_VERSION, producer_name="mnist_mlp")
    onnx.helper.set_model_props(model, as_strings(network))
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def _add_probabilities(graph: Graph, output: str) -> None:
    """Append what makes probabilities of the last activation, see `TrainedNetwork.predict_proba`."""
    if output == "softmax":
        graph.add("Identity", into="probabilities")
        return
    a = graph.add("Clip", 0.0, 1.0)
    graph.add("ReduceSum", np.array([1], dtype=np.int64), keepdims=1)
    total = graph.add("Max", 1.0)
    graph.last = a
    graph.add("Div", total, into="probabilities")
