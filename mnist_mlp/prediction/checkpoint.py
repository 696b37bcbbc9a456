"""From a run's checkpoint to a `TrainedNetwork`: `load`."""

from pathlib import Path
from typing import Any

import torch

from mnist_mlp.fit.checkpoint_files import not_a_checkpoint, read_checkpoint
from mnist_mlp.fit.run_config import hyper_parameters
from mnist_mlp.fit.run_folder import find_checkpoint
from mnist_mlp.lightning_internals.checkpoint_state import best_score
from mnist_mlp.network.mlp import MLP
from mnist_mlp.prediction.trained_network import TrainedNetwork

NETWORK = ("activation", "cost", "output_activation")


def load(which: str | Path = "best", logs: str | Path = "logs", name: str | None = None) -> TrainedNetwork:
    """The network of a checkpoint, ready to be asked.

    Nothing that the file may hold is run (`weights_only`).

    Args:
        which: "best" or "last" of the newest run, or the path of a checkpoint.
        logs: The folder of all runs.
        name: Look among the runs of this name; by default among all.

    Raises:
        ValueError: if there is no such file, or it is not a checkpoint of this project.
    """
    path = find_checkpoint(str(which), Path(logs), name)
    stored = read_checkpoint(path)
    try:
        settings = _settings(stored)
        settings["checkpoint"] = str(path)
        weights = {k.removeprefix("mlp."): v for k, v in stored["state_dict"].items() if k.startswith("mlp.")}
        mlp = _network(weights, settings["model"])
        made = stored.get("MNISTDataModule")
        if made is None and settings["data"].get("normalize") and "pixel_statistics" not in stored:
            raise ValueError("it was normalized, and does not know by what; train it anew with mnist-mlp fit")
        made = made or {"mean": 0.0, "std": 1.0, "class_names": list(map(str, range(mlp.sizes[-1])))}
        mean, std = stored.get("pixel_statistics") or (made["mean"], made["std"])
        return TrainedNetwork(mlp, tuple(made["class_names"]), mean, std, settings)
    except ValueError as error:
        raise ValueError(f"{path} cannot be used: {error}") from error
    except (KeyError, TypeError, AttributeError, IndexError, RuntimeError) as error:
        raise not_a_checkpoint(path) from error


def _settings(stored: dict[str, Any]) -> dict[str, Any]:
    """What a checkpoint knows of its training."""
    return hyper_parameters(stored) | {
        "optimization": stored.get("optimization", {}),
        "epoch": stored["epoch"],
        "steps": stored["global_step"],
        "best_val_acc": best_score(stored["callbacks"], "val/acc"),
    }


def _network(weights: dict[str, torch.Tensor], model: dict[str, Any]) -> MLP:
    """The network with these weights, its sizes read from them."""
    sizes = [weights["layers.0.weight"].shape[1]]
    while (following := f"layers.{len(sizes) - 1}.weight") in weights:
        sizes.append(weights[following].shape[0])
    if sizes[1:-1] != list(model["hidden_sizes"]):
        raise ValueError(
            f"its weights are of another architecture, with hidden layers of {sizes[1:-1]} neurons, than its "
            f"settings, with {list(model['hidden_sizes'])}"
        )
    with torch.random.fork_rng(devices=[]):  # the first weights, drawn for nothing, must not change what follows
        mlp = MLP(sizes, **{name: model[name] for name in NETWORK})
    mlp.load_state_dict(weights)
    return mlp.eval()
