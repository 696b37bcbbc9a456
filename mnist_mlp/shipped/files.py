"""The configurations and lessons that come with the package, in a wheel as in a clone of the repository."""

import os
from pathlib import Path

from mnist_mlp.console.plain_errors import nearest


def shipped_folder(name: str) -> Path:
    """A folder of the repository, such as `configs`: a wheel carries it in this package, a clone beside `mnist_mlp`."""
    inside = Path(__file__).parent / name
    return inside if inside.is_dir() else Path(__file__).parents[2] / name


def configurations() -> dict[str, Path]:
    """The configurations that come with the package by their names, those of published results last."""
    folder = shipped_folder("configs")
    return {path.stem: path for path in [*sorted(folder.glob("*.yaml")), *sorted(folder.glob("published/*.yaml"))]}


def config_file(given: str | os.PathLike[str]) -> Path:
    """The configuration file that is meant.

    Args:
        given: The path of a file, or else the name of a configuration that comes with the package.

    Raises:
        ValueError: if it is neither.
    """
    path, known = Path(given), configurations()
    if path.exists():
        return path
    if str(given) in known:
        return known[str(given)]
    if path.stem in known:
        hint = f"{path.stem} alone is the one that comes with mnist-mlp"
    else:
        meant = nearest(path.stem, known)
        hint = f"did you mean {meant}?" if meant else "mnist-mlp configs lists those that come with it"
    raise ValueError(f"config: File does not exist: {os.fspath(given)!r}; {hint}")
