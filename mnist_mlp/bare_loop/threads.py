"""How many threads pay."""

ONE_THREAD_PRODUCTS = 500_000  # multiply-adds of a mini-batch below which a second thread makes a step slower


def is_for_one_thread(batch_size: int, parameters: int) -> bool:
    """Whether the matrices are so small that threads would mostly wait for each other."""
    return batch_size * parameters < ONE_THREAD_PRODUCTS
