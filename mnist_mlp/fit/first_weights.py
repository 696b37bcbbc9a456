"""A new run that begins from the weights of another: `mnist-mlp fit --weights`."""

from pathlib import Path
from typing import Any

from mnist_mlp.data.module import MNISTDataModule
from mnist_mlp.fit.checkpoint_files import not_a_checkpoint, read_checkpoint
from mnist_mlp.fit.run_config import settings_of_network
from mnist_mlp.fit.same_training import NETWORK
from mnist_mlp.training.architecture import check_architecture
from mnist_mlp.training.classifier import MLPClassifier

IMAGES = ("normalize", "image_size")  # how the network sees them


def settings_for_weights(checkpoint: Path) -> dict[str, Any]:
    """The settings that a new run has from the checkpoint whose weights it begins from: those of its network alone.

    Raises:
        ValueError: if the file is no checkpoint, or damaged.
    """
    settings = settings_of_network(checkpoint)
    model = {name: settings["model"][name] for name in NETWORK if name in settings["model"]}
    return {"model": model, "data": {name: settings["data"][name] for name in IMAGES if name in settings["data"]}}


def check_network(checkpoint: Path, before: dict[str, Any], config: Any) -> None:
    """See that a new run has the hidden layers of the weights that it begins from, and sees images as they did.

    Args:
        checkpoint: Whose weights they are.
        before: What `settings_for_weights` has said.
        config: All settings of the session, by section.

    Raises:
        ValueError: if something differs; the cost and the output activation may.
    """
    for section, names in (("model", ("hidden_sizes", "activation")), ("data", IMAGES)):
        old = before[section]
        for name in names:
            now = config[section].get(name)
            if name in old and now != old[name]:
                raise ValueError(
                    f"{section}.{name} must be {old[name]}, as it was for the weights of {checkpoint}; got {now}: "
                    "leave it out, and the weights decide"
                )


def begin_from(checkpoint: Path, model: MLPClassifier, data: MNISTDataModule) -> str:
    """Give a network the weights of a checkpoint, and how these want pixels normalized; what there is to say of it.

    Where the classes are others, the output layer stays as it is, new.

    Args:
        checkpoint: Whose weights they are.
        model: The network; changed in place.
        data: What it will be trained on.

    Raises:
        ValueError: if the weights are of another architecture, or none of them could stay.
    """
    stored = read_checkpoint(checkpoint)
    own, weights = model.state_dict(), stored.get("state_dict")
    if not isinstance(weights, dict):
        raise not_a_checkpoint(checkpoint)
    if is_new := _has_other_classes(stored, model, data):
        last = f"mlp.layers.{len(model.mlp.layers) - 1}."
        weights = {name: own[name] if name.startswith(last) else value for name, value in weights.items()}
        if len(model.mlp.layers) == 1:
            raise ValueError(
                f"weights must be those of a network with hidden layers, since only these stay where the classes are "
                f"others; got {checkpoint}: leave --weights out"
            )
    check_architecture(model, weights)
    model.load_state_dict(weights)
    model.load_statistics(stored)
    layer = f"; the output layer is new, for the {data.num_classes} classes of {data.dataset_name}" if is_new else ""
    return f"a new run, from the weights of {checkpoint}{layer}"


def _has_other_classes(stored: dict[str, Any], model: MLPClassifier, data: MNISTDataModule) -> bool:
    """Whether a checkpoint tells other classes apart, by their names where it holds them, else by their number."""
    names = stored.get(MNISTDataModule.__qualname__, {}).get("class_names")
    if names is not None:
        return names != [*data.class_names]
    return stored["hyper_parameters"].get("num_classes", 10) != model.mlp.sizes[-1]
