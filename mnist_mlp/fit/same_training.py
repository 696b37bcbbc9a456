"""A checkpoint continues the training that it is of: another run, network or data set is refused, and nothing written.

What begins anew from the weights alone is `mnist_mlp.fit.first_weights`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mnist_mlp.data.module import MNISTDataModule
from mnist_mlp.fit.checkpoint_files import is_damaged, read_checkpoint
from mnist_mlp.fit.run_folder import run_folder

NETWORK = ("hidden_sizes", "activation", "cost", "output_activation")  # without these, weights are only numbers


def check_same_run(checkpoint: Path, before: Mapping[str, Any], config: Any) -> None:
    """See that what is asked for is the run and the network of the checkpoint.

    Args:
        checkpoint: What is continued.
        before: The settings that it was trained with, by section.
        config: All settings of the session, by section.

    Raises:
        ValueError: if it is another run's name, or another network.
    """
    folder = run_folder(checkpoint)
    names = [before.get("name"), folder and folder.resolve().parent.name]  # a folder may have been renamed
    if folder and config.name not in names:
        raise ValueError(
            f"name must stay {before.get('name')}, since --ckpt_path continues the run of {checkpoint} in its folder; "
            f"got {config.name}: leave --name out, or begin a new run with --weights in place of --ckpt_path"
        )
    old = before.get("model", {})
    for name in NETWORK:
        now = config.model.get(name)
        if name in old and now != old[name]:
            raise ValueError(
                f"model.{name} must stay {_shown(old[name])}, since --ckpt_path continues the same training, and "
                f"{_shown(now)} is another architecture: leave it out, or start a new run without --ckpt_path"
            )


def check_same_data(checkpoint: Mapping[str, Any], data: MNISTDataModule, validation_images: str) -> None:
    """See that a training is continued with the data set that it began with, wherever its files lie now.

    Args:
        checkpoint: What the checkpoint holds.
        data: The data module now, its images read.
        validation_images: The digest of those that validate; an empty text where there are none.

    Raises:
        ValueError: if it is another.
    """
    before = checkpoint.get(MNISTDataModule.__qualname__, {}).get("dataset")
    if before is None or (validation_images and checkpoint.get("validation_images") == validation_images):
        return
    if before != data.dataset_name:
        raise ValueError(
            f"data.dataset must stay {before}, since --ckpt_path continues the same training; got {data.dataset_name}: "
            "begin a new run with --weights in place of --ckpt_path"
        )


def what_is_lost(checkpoint: Path) -> str | None:
    """What to say where a run is continued from before its newest checkpoint, which is replaced; None for nothing.

    Args:
        checkpoint: What is continued.
    """
    last = checkpoint.with_name("last.ckpt")
    if not run_folder(checkpoint) or checkpoint.name == last.name or not last.is_file():
        return None
    if is_damaged(last):
        return f"{last} is damaged, and will be replaced"
    if read_checkpoint(last)["global_step"] <= read_checkpoint(checkpoint)["global_step"]:
        return None
    return f"the run goes back to {checkpoint}: {last}, which was trained for longer, will be replaced"


def _shown(value: Any) -> str:
    return "null" if value is None else str(value)
