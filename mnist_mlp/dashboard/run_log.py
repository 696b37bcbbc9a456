"""Reading what TensorBoard was given of a run."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar.metadata import CONFIG_SUMMARY_TAG
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.plugins.hparams.metadata import EXPERIMENT_TAG
from typing_extensions import override

EVENTS = "events.out.tfevents.*"

T = TypeVar("T")

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
        charts: Of custom scalars: by title, regular expressions of the tags whose curves belong together: those of a
            frame, or where each frame has one curve, and its name, those of a category.
        results: The tags whose last values stand beside the hyper-parameters.
        problems: What could not be read, a sentence each.
    """

    folder: Path
    scalars: Mapping[str, Curve]
    images: Mapping[str, Image]
    texts: Mapping[str, str]
    charts: Mapping[str, Sequence[str]]
    results: Sequence[str]
    problems: Sequence[str] = ()


def find_runs(folder: Path) -> list[Path]:
    """The folders at or below this one that hold event files, the newest last.

    Raises:
        ValueError: if there is none.
    """
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}; name a folder of runs, such as logs")
    written: dict[Path, float] = {}
    for events in filter(Path.is_file, folder.rglob(EVENTS)):
        written[events.parent] = max(events.stat().st_mtime, written.get(events.parent, 0.0))
    if not written:
        raise ValueError(f"{folder} holds no run; train one with mnist-mlp fit --config quickstart")
    return sorted(written, key=lambda run: written[run])


def read_run(folder: Path) -> RunLog:
    """Read the event files of a run; of one that is damaged or cut off, what comes before."""
    problems: list[str] = []
    everything = {"scalars": 0, "images": 0, "tensors": 0, "histograms": 1}
    events = EventAccumulator(str(folder), size_guidance=everything)
    with _damage_noted(problems):
        events.Reload()
    tags = events.Tags()
    texts = {tag: tag.removesuffix("/text_summary") for tag in tags["tensors"] if tag.endswith("/text_summary")}
    strings = _readable(texts, partial(_last_string, events), problems)
    layout = [CONFIG_SUMMARY_TAG] if CONFIG_SUMMARY_TAG in tags["tensors"] else []
    metadata = [EXPERIMENT_TAG] if EXPERIMENT_TAG in events.summary_metadata else []
    return RunLog(
        folder=folder,
        scalars=_readable(tags["scalars"], partial(_curve, events), problems),
        images=_readable(tags["images"], partial(_last_image, events), problems),
        texts={texts[tag]: text.decode(errors="replace") for tag, text in strings.items()},
        charts=_readable(layout, partial(_charts, events), problems).get(CONFIG_SUMMARY_TAG, {}),
        results=_readable(metadata, partial(_results, events), problems).get(EXPERIMENT_TAG, []),
        problems=problems,
    )


@contextmanager
def _damage_noted(problems: list[str]) -> Iterator[None]:
    """Note which event files are read only in part.

    Relies on TensorBoard's logger: it says there, for debugging, which record is cut off or has another checksum.
    """
    logger = logging.getLogger("tensorboard")
    noted, level = _Damage(problems), logger.level
    logger.addHandler(noted)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False  # it warns of what is no concern of the user's
    try:
        yield
    except Exception as error:  # there is no list of what reading foreign bytes may raise
        problems.append(
            f"The event files are damaged ({type(error).__name__}): what comes after the damage is missing."
        )
    finally:
        logger.removeHandler(noted)
        logger.setLevel(level)
        logger.propagate = True


class _Damage(logging.Handler):
    """Collects a sentence for each event file whose end cannot be read."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.problems = problems

    @override
    def emit(self, record: logging.LogRecord) -> None:
        if str(record.msg).startswith("Truncated record") and isinstance(record.args, tuple):
            file = Path(str(record.args[0])).name
            sentence = f"{file} is damaged or cut off: what it holds after that place is missing here."
            if sentence not in self.problems:
                self.problems.append(sentence)


def _readable(tags: Iterable[str], read: Callable[[str], T], problems: list[str]) -> dict[str, T]:
    """What is read of each tag; a tag whose values make no sense is noted, and left out."""
    values = {}
    for tag in tags:
        try:
            values[tag] = read(tag)
        except Exception:  # nor is there one of what foreign values may raise
            problems.append(f"{tag} cannot be read, and is left out.")
    return values


def _curve(events: EventAccumulator, tag: str) -> Curve:
    points = events.Scalars(tag)
    return [point.step for point in points], [point.value for point in points]


def _last_image(events: EventAccumulator, tag: str) -> Image:
    image, metadata = events.Images(tag)[-1], events.summary_metadata.get(tag)
    return Image(image.step, image.encoded_image_string, metadata.summary_description if metadata else "")


def _last_string(events: EventAccumulator, tag: str) -> bytes:
    return events.Tensors(tag)[-1].tensor_proto.string_val[0]


def _charts(events: EventAccumulator, tag: str) -> dict[str, list[str]]:
    layout = cast(Any, layout_pb2).Layout.FromString(_last_string(events, tag))
    charts: dict[str, list[str]] = {}
    for category in layout.category:
        for chart in category.chart:
            tags = list(chart.multiline.tag)
            charts.setdefault(category.title if tags == [chart.title] else chart.title, []).extend(tags)
    return charts


def _results(events: EventAccumulator, tag: str) -> list[str]:
    content = events.summary_metadata[tag].plugin_data.content
    data = cast(Any, plugin_data_pb2).HParamsPluginData.FromString(content)
    return [info.name.tag for info in data.experiment.metric_infos]
