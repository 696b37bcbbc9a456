"""What Lightning changes in the classes of loaders while it asks for a loader."""

from collections.abc import Iterator
from contextlib import contextmanager

from lightning_utilities.core.inheritance import get_all_subclasses
from torch.utils.data import BatchSampler, DataLoader

CHANGED = ("__init__", "__setattr__", "__delattr__")


@contextmanager
def restored_after_an_error() -> Iterator[None]:
    """Around what may refuse to give a loader: Lightning would leave the classes of all loaders changed for good.

    Every DataLoader that is made later would then remember its arguments, and some could not be predicted with.

    Relies on the names under which Lightning keeps what it has changed, such as `__old__init__`.
    """
    try:
        yield
    except Exception:
        for base in (DataLoader, BatchSampler):
            for kind in get_all_subclasses(base) | {base}:
                for name in CHANGED:
                    if f"__old{name}" in vars(kind):
                        setattr(kind, name, getattr(kind, f"__old{name}"))
                        delattr(kind, f"__old{name}")
        raise
