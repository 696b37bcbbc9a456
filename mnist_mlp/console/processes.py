"""Work in a process of its own."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor


def own_process() -> ProcessPoolExecutor:
    """A process that starts as a new interpreter: with no imports, no memory and no threads of this one.

    What is submitted to it runs there, one after another. Where it is killed, this one goes on.
    """
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
