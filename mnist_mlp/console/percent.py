"""A share as people read it."""


def percent(share: float, decimals: int = 2) -> str:
    """A share of 1 in percent, with a space before the sign, as ISO 80000-1 writes it: 98.40 % for 0.984."""
    return f"{100 * share:.{decimals}f} %"
