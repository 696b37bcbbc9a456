"""What Lightning's ModelCheckpoint writes of itself into a checkpoint."""

from pathlib import Path
from typing import Any

PATHS = ("best_model_path", "kth_best_model_path", "last_model_path")


def moved(state: dict[str, Any], folder: str) -> dict[str, Any]:
    """The state of a ModelCheckpoint as if its files had always lain in this folder, written as its `dirpath` is.

    Relies on its keys: those of `PATHS`, `best_k_models`, which holds scores by paths, and `dirpath`. ModelCheckpoint
    forgets the best score where `dirpath` is not its own, letter by letter.
    """

    def here(path: str) -> str:
        return str(Path(folder) / Path(path).name) if path else path

    scores = {here(path): score for path, score in state["best_k_models"].items()}
    return state | {key: here(state[key]) for key in PATHS} | {"best_k_models": scores, "dirpath": folder}


def best_score(states: dict[str, dict[str, Any]], monitor: str) -> float | None:
    """The best score of the ModelCheckpoint that watches a metric, or None where there is none yet.

    Relies on its keys `monitor` and `best_model_score`.

    Args:
        states: Those of all callbacks, as a checkpoint holds them.
        monitor: The metric.
    """
    scores = [state.get("best_model_score") for state in states.values() if state.get("monitor") == monitor]
    return next((float(score) for score in scores if score is not None), None)
