"""Whether parameters are of a network's architecture."""

from collections.abc import Mapping

from lightning import LightningModule
from torch import Tensor


def check_architecture(model: LightningModule, state: Mapping[str, Tensor]) -> None:
    """See that parameters fit a network, before any is loaded.

    Raises:
        ValueError: if they are of another architecture.
    """
    own, stored = _shapes(model.state_dict()), _shapes(state)
    if own != stored:
        missing, unexpected = sorted(own - stored), sorted(stored - own)
        raise ValueError(
            f"the checkpoint is of another architecture: missing {', '.join(missing) or 'nothing'}; "
            f"unexpected {', '.join(unexpected) or 'nothing'}; give the hidden_sizes it was trained with"
        )


def _shapes(state: Mapping[str, Tensor]) -> set[str]:
    return {f"{name} {tuple(value.shape)}" for name, value in state.items()}
