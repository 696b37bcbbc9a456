"""What a session begins with: a checkpoint that it trains on or measures, the weights of another run, or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mnist_mlp.fit.first_weights import check_network, settings_for_weights
from mnist_mlp.fit.own_classes import without_class_paths
from mnist_mlp.fit.run_config import settings_of_network, settings_of_run
from mnist_mlp.fit.run_folder import find_checkpoint
from mnist_mlp.fit.run_name import check_run_name
from mnist_mlp.fit.same_training import check_same_run
from mnist_mlp.fit.settings import Given
from mnist_mlp.training.trust import check_classes


@dataclass(frozen=True)
class StartingPoint:
    """What a session begins with.

    Attributes:
        checkpoint: What is trained on or measured, or None.
        weights: The checkpoint whose weights a new run begins from, or None.
        remembered: The settings that they bring, below those given.
        before: The settings that the checkpoint was trained with, where its run is continued.
        classes: Those that the checkpoint names for the network and the data, by section.
    """

    checkpoint: Path | None = None
    weights: Path | None = None
    remembered: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)

    def check(self, config: Any) -> None:
        """See that all settings of a session, by section, are of the same training, or fit the weights.

        Raises:
            ValueError: if one is not.
        """
        if self.before and self.checkpoint:
            check_same_run(self.checkpoint, self.before, config)
        if self.weights:
            check_network(self.weights, self.remembered, config)


def starting_point(command: str, given: Given, named: Mapping[str, str]) -> StartingPoint:
    """Find what is asked for, and the settings that it brings.

    Args:
        command: fit, validate, test or predict.
        given: What a session is given.
        named: The classes that it is given for the network and the data, by section: these may be any.

    Raises:
        ValueError: if there is no such checkpoint, it is damaged, or two things are asked for at once.
    """
    asked = given.checkpoint()
    if given.asks_for_help:
        return StartingPoint()
    if asked.name is not None:
        check_run_name(asked.name)  # as it was typed: jsonargparse reads null as nothing
    if command == "fit" and asked.weights and not asked.ckpt_path:
        weights = find_checkpoint(asked.weights, asked.log_dir, None, "weights")
        found = StartingPoint(None, weights, settings_for_weights(weights))
    elif which := asked.ckpt_path or (None if command == "fit" else "best"):
        checkpoint = find_checkpoint(which, asked.log_dir, asked.name)
        if command == "fit":
            found = StartingPoint(checkpoint, None, *settings_of_run(checkpoint))
        else:
            found = StartingPoint(checkpoint, None, settings_of_network(checkpoint))
        _check_weights(command, asked.weights, asked.weights_are_typed, found)
    else:
        return StartingPoint()
    classes: dict[str, str] = {}
    remembered = without_class_paths(found.remembered, classes)
    if not given.trusts:
        others = {section: path for section, path in classes.items() if named.get(section) != path}
        check_classes([remembered, others], found.weights or found.checkpoint or "")
    return replace(found, remembered=remembered, classes=classes)


def _check_weights(command: str, weights: str | None, are_typed: bool, found: StartingPoint) -> None:
    """See that weights are not asked for beside a checkpoint; what its run began from may stand in config.yaml."""
    if command != "fit":
        if are_typed:
            raise ValueError(f"weights is for a new run of fit; name the checkpoint to {command} with --ckpt_path")
    elif weights is not None and weights != found.remembered.get("weights"):
        raise ValueError(
            "ckpt_path continues a training, and weights begins a new run from the weights of a checkpoint; leave one "
            "of them out"
        )
