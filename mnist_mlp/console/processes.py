"""Work in a process of its own."""

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor


def own_process() -> ProcessPoolExecutor:
    """A process that starts as a new interpreter: with no imports, no memory and no threads of this one.

    What is submitted to it runs there, one after another. Where it is killed, this one goes on; where this one is
    killed, it ends too.
    """
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_end_with_the_parent)


def _end_with_the_parent() -> None:
    threading.Thread(target=_wait_for_the_parents_end, daemon=True).start()


def _wait_for_the_parents_end() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()  # the pipe to it closes at its end, whatever the reason is
        os._exit(1)  # the main thread may be in the middle of a training
