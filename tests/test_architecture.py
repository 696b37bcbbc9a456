"""The folders are the layers: a room imports only from rooms that stand before it in the house."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "mnist_mlp"
HOUSE = PACKAGE / "__init__.py"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != HOUSE)


def docstring(path):
    return ast.get_docstring(ast.parse(path.read_text())) or ""


@cache
def order():
    """The rooms in the order of the house, which stands once: in the table of the package's own docstring."""
    return re.findall(r"^    ([a-z_]+)/? +\S", docstring(HOUSE), flags=re.MULTILINE)


def room(path):
    """The folder below mnist_mlp that a module lies in, or its own name where it lies in none."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path):
    """The full names of all modules of this project that a module imports, wherever in it that stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.startswith("mnist_mlp."))


def module_of(name):
    """The file that a dotted name leads to: a module, or what a module or package defines."""
    path = PACKAGE.parent / name.replace(".", "/")
    if path.with_suffix(".py").exists():
        return path.with_suffix(".py")
    return path / "__init__.py" if path.is_dir() else module_of(name.rpartition(".")[0])


def own_imports(path):
    """The files that a module imports; the public names of the package lead to where they are defined."""
    from mnist_mlp import _HOME

    for name in imports(path):
        public = name.removeprefix("mnist_mlp.")
        yield module_of(f"mnist_mlp.{_HOME[public]}" if public in _HOME else name)


@cache
def allowed(name):
    """The rooms that a package says it may import."""
    if (PACKAGE / f"{name}.py").exists():
        return set(order()[: order().index(name)])
    (line,) = re.findall(r"^May import: (.+?)[.;]", docstring(PACKAGE / name / "__init__.py"), flags=re.MULTILINE)
    return set() if line.startswith("nothing") else set(line.split(", "))


def test_every_room_stands_in_the_house():
    assert sorted(order()) == sorted({room(path) for path in MODULES})


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
    own = order().index(room(path))
    for imported in own_imports(path):
        if room(imported) != room(path):
            assert order().index(room(imported)) < own, f"{path} imports {imported}, which stands above it"
            assert room(imported) in allowed(room(path)), f"{path}: {room(imported)} is not in its package's May import"


@pytest.mark.parametrize("name", order())
def test_a_package_may_import_what_it_uses_and_only_from_below(name):
    used = {room(file) for path in MODULES if room(path) == name for file in own_imports(path)} - {name}
    assert allowed(name) <= set(order()[: order().index(name)])
    if not (PACKAGE / f"{name}.py").exists():
        assert used == allowed(name), "what its docstring allows is not what it imports"


@pytest.mark.parametrize("name", order())
def test_no_circles_within_a_package(name):
    needs = {path: {file for file in own_imports(path) if room(file) == name} for path in MODULES if room(path) == name}
    package = PACKAGE / name / "__init__.py"
    needs.pop(package, None)  # the package's face imports its modules, and they do not import it
    while needs:
        free = [path for path, needed in needs.items() if not needed & needs.keys()]
        assert free, f"a circle among {sorted(path.name for path in needs)}"
        for path in free:
            needs.pop(path)


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*/__init__.py")), ids=lambda path: path.parent.name)
def test_a_package_says_what_lives_there_and_how_to_add_one_more(path):
    first, *_ = docstring(path).split("\n")
    assert len(first) > 20
    assert re.search(r"^One more [a-z ,]+: \S", docstring(path), flags=re.MULTILINE)


@pytest.mark.parametrize("package", ["lightning", "torch", "jsonargparse"])
def test_what_others_do_not_publish_is_touched_in_one_room(package):
    """No underscored attribute of another package is imported anywhere else."""
    rooms = {"torch": "torch_internals"}.get(package, "lightning_internals")
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == package:
                names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
                if any(name.startswith("_") for name in names):
                    assert room(path) == rooms, f"{path} imports {names}"


def test_private_attributes_are_touched_in_two_rooms():
    """An underscored attribute of anything but oneself belongs to those who rely on what is not published."""
    published = {"_replace", "_fields", "_exit", "_make", "_asdict"}  # of named tuples, and of os
    for path in MODULES:
        if room(path) in ("torch_internals", "lightning_internals"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
                own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
                assert own or node.attr in published, f"{path}:{node.lineno} touches {node.attr}"


def test_equations_need_torch_alone():
    for path in sorted((PACKAGE / "equations").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                top = (node.module or "").split(".")[0]
                assert top in {"mnist_mlp", "torch", "jaxtyping", "collections", "functools", "math", "re", "typing"}


def test_the_readme_shows_the_house_in_its_order():
    map_of_folders = (PACKAGE.parent / "README.md").read_text().split("\n## The map\n")[1].split("\n## ")[0]
    shown = re.findall(r"^\| \[(\S+)\]\(mnist_mlp/(\w+)(?:\.py)?\) \|", map_of_folders, flags=re.MULTILINE)
    assert [name.replace("\\", "") for name, _ in shown] == order()
    assert [target for _, target in shown] == order()
