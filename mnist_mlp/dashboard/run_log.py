"""Reading what TensorBoard was given of a run."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

EVENTS = "events.out.tfevents.*"


class Image(NamedTuple):
    """A picture of a run.

    Attributes:
        step: The mini-batches that were trained on before.
        png: The file.
    """

    step: int
    png: bytes


class RunLog(NamedTuple):
    """What the event files of a run hold.

    Attributes:
        folder: The run's folder.
        scalars: By tag the steps and the values, in their order.
        images: By tag the last picture.
        texts: By tag the last text, Markdown.
    """

    folder: Path
    scalars: Mapping[str, tuple[list[int], list[float]]]
    images: Mapping[str, Image]
    texts: Mapping[str, str]


def find_runs(folder: Path) -> list[Path]:
    """The folders at or below this one that hold event files, the newest last.

    Raises:
        ValueError: if there is none.
    """
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}; name a folder of runs, such as logs")
    written: dict[Path, float] = {}
    for events in folder.rglob(EVENTS):
        written[events.parent] = max(events.stat().st_mtime, written.get(events.parent, 0.0))
    if not written:
        raise ValueError(f"{folder} holds no run; train one with mnist-mlp fit --config configs/quickstart.yaml")
    return sorted(written, key=lambda run: written[run])


def read_run(folder: Path) -> RunLog:
    """Read the event files of a run; of one that is cut off, what comes before."""
    logging.getLogger("tensorboard").setLevel(logging.ERROR)  # it warns of a file that is cut off
    everything = {"scalars": 0, "images": 0, "tensors": 0, "histograms": 1}
    events = EventAccumulator(str(folder), size_guidance=everything).Reload()
    tags = events.Tags()
    scalars = {}
    for tag in tags["scalars"]:
        points = events.Scalars(tag)
        scalars[tag] = ([point.step for point in points], [point.value for point in points])
    last_images = {tag: events.Images(tag)[-1] for tag in tags["images"]}
    images = {tag: Image(image.step, image.encoded_image_string) for tag, image in last_images.items()}
    texts = {}
    for tag in tags["tensors"]:
        if tag.endswith("/text_summary"):
            texts[tag.removesuffix("/text_summary")] = events.Tensors(tag)[-1].tensor_proto.string_val[0].decode()
    return RunLog(folder, scalars, images, texts)
