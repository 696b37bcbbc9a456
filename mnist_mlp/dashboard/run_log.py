"""Reading what TensorBoard was given of a run."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar.metadata import CONFIG_SUMMARY_TAG
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.plugins.hparams.metadata import EXPERIMENT_TAG

EVENTS = "events.out.tfevents.*"

Curve = tuple[Sequence[int], Sequence[float]]


class Image(NamedTuple):
    """A picture of a run.

    Attributes:
        step: The mini-batches that were trained on before.
        png: The file.
        caption: What it shows, or nothing in the runs of earlier versions.
    """

    step: int
    png: bytes
    caption: str


class RunLog(NamedTuple):
    """What the event files of a run hold, each in the order in which it was first written.

    Attributes:
        folder: The run's folder.
        scalars: By tag the steps and the values.
        images: By tag the last picture.
        texts: By tag the last text, Markdown.
        charts: Of custom scalars: by title, regular expressions of the tags whose curves stand on one chart.
        results: The tags whose last values stand beside the hyper-parameters.
    """

    folder: Path
    scalars: Mapping[str, Curve]
    images: Mapping[str, Image]
    texts: Mapping[str, str]
    charts: Mapping[str, Sequence[str]]
    results: Sequence[str]


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
    texts = {tag.removesuffix("/text_summary"): tag for tag in tags["tensors"] if tag.endswith("/text_summary")}
    return RunLog(
        folder=folder,
        scalars={tag: _curve(events, tag) for tag in tags["scalars"]},
        images={tag: _last_image(events, tag) for tag in tags["images"]},
        texts={name: _last_string(events, tag).decode() for name, tag in texts.items()},
        charts=_charts(events) if CONFIG_SUMMARY_TAG in tags["tensors"] else {},
        results=_results(events),
    )


def _curve(events: EventAccumulator, tag: str) -> Curve:
    points = events.Scalars(tag)
    return [point.step for point in points], [point.value for point in points]


def _last_image(events: EventAccumulator, tag: str) -> Image:
    image, metadata = events.Images(tag)[-1], events.summary_metadata.get(tag)
    return Image(image.step, image.encoded_image_string, metadata.summary_description if metadata else "")


def _last_string(events: EventAccumulator, tag: str) -> bytes:
    return events.Tensors(tag)[-1].tensor_proto.string_val[0]


def _charts(events: EventAccumulator) -> dict[str, list[str]]:
    layout = cast(Any, layout_pb2).Layout.FromString(_last_string(events, CONFIG_SUMMARY_TAG))
    return {chart.title: list(chart.multiline.tag) for category in layout.category for chart in category.chart}


def _results(events: EventAccumulator) -> list[str]:
    metadata = events.summary_metadata.get(EXPERIMENT_TAG)
    if metadata is None:
        return []
    data = cast(Any, plugin_data_pb2).HParamsPluginData.FromString(metadata.plugin_data.content)
    return [info.name.tag for info in data.experiment.metric_infos]
