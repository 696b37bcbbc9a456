"""How many threads pay."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

ONE_THREAD_PRODUCTS = 500_000  # multiply-adds of a mini-batch below which a second thread makes a step slower


def is_for_one_thread(batch_size: int, parameters: int) -> bool:
    """Whether the matrices are so small that threads would mostly wait for each other."""
    return batch_size * parameters < ONE_THREAD_PRODUCTS


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute small matrices on one thread, and give the others back."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
