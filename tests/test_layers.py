"""Imports point down only."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "mnist_mlp"
LAYERS = [
    {
        "activations",
        "augmentation",
        "initializers",
        "penalties",
        "products",
        "runs",
        "lessons",
        "outputs",
        "schedules",
        "pictures",
    },
    {"costs"},
    {"backprop"},
    {"functions"},
    {"mlp"},
    {"stacks", "health"},
    {"steps"},
    {"adversarial"},
    {"datasets", "blocks"},
    {"data"},
    {"classifier"},
    {"checkpoints", "faults", "dashboard"},
    {"training", "published"},
    {"results"},
    {"curves"},
    {"verification", "contestants", "start_up", "dashboard_cost", "seeds", "charts", "viewer", "report"},
    {"gradient_cost"},
    {"benchmark", "reproduction"},
    {"cli"},
    {"__main__"},
]
LIGHTNING_ALLOWED = {
    "blocks",
    "data",
    "classifier",
    "dashboard",
    "checkpoints",
    "training",
    "curves",
    "verification",
    "contestants",
    "start_up",
    "cli",
}


def imports(module):
    for node in ast.walk(ast.parse((PACKAGE / f"{module}.py").read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module, "a relative import"
            yield from (
                f"{node.module}.{name.name}" if node.module == "mnist_mlp" else node.module for name in node.names
            )


@pytest.mark.parametrize("level", range(len(LAYERS)))
def test_modules_import_only_from_below(level):
    below = set().union(*LAYERS[:level])
    for module in LAYERS[level]:
        own = {name.split(".")[1] for name in imports(module) if name.startswith("mnist_mlp.")}
        assert own <= below, module
        if module not in LIGHTNING_ALLOWED:
            assert not any(name.split(".")[0] == "lightning" for name in imports(module)), module


def test_every_module_has_a_layer():
    assert {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"} == set().union(*LAYERS)
