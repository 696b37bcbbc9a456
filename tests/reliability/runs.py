"""What a run has written, so that it can be set beside what another run has written."""

import math
import re

import torch
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from tensorboard.compat.proto import event_pb2

TIMES = "time/"  # tags of what differs each time
SHOWN_AGAIN = "calibration_error"  # where a training was killed while it showed what it shows at its end
START = getattr(event_pb2, "SessionLog").START  # noqa: B009
VERSION = re.compile(r"version_\d+")  # a training that was stopped before its first checkpoint is begun in a new folder


def stored(path):
    """What a checkpoint holds, but for the time that was measured."""
    content = torch.load(path, weights_only=True)
    content["callbacks"].pop("Speed", None)
    return content


def scalars(folder):
    """All scalars of a run by tag and step, as TensorBoard shows them: what a continuation starts anew is left out."""
    found = {}
    for event in _events(folder):
        if event.session_log.status == START:
            found = {key: value for key, value in found.items() if key[1] < event.step}
        for value in event.summary.value:
            if value.HasField("simple_value") and not value.tag.startswith(TIMES):
                found.setdefault((value.tag, event.step), []).append(value.simple_value)
    return {key: values[:1] if key[0].endswith(SHOWN_AGAIN) else values for key, values in found.items()}


def _events(folder):
    """All events of a run, those of the file first that was begun first: its name does not tell within a second."""
    files = [list(LegacyEventFileLoader(str(path)).Load()) for path in folder.glob("events.out.tfevents.*")]
    begun = sorted((events for events in files if events), key=lambda events: events[0].wall_time)
    return [event for events in begun for event in events]


def difference(left, right, where=""):
    """Where two values differ in a bit, or an empty text."""
    if isinstance(left, torch.Tensor) and isinstance(right, torch.Tensor):
        return "" if left.dtype == right.dtype and torch.equal(left, right) else where
    if isinstance(left, dict) and isinstance(right, dict):
        left, right = ({_plain(key): value for key, value in each.items()} for each in (left, right))
        if left.keys() != right.keys():
            return f"{where}: {sorted(left.keys() ^ right.keys(), key=str)}"
        pairs = [(left[key], right[key], f"{where}.{key}") for key in left]
    elif isinstance(left, list | tuple) and isinstance(right, list | tuple):
        if len(left) != len(right):
            return f"{where}: {len(left)} and {len(right)} long"
        pairs = [(*pair, f"{where}[{i}]") for i, pair in enumerate(zip(left, right, strict=True))]
    else:
        both_nan = isinstance(left, float) and isinstance(right, float) and math.isnan(left) and math.isnan(right)
        return "" if _plain(left) == _plain(right) or both_nan else f"{where}: {str(left)[:200]} and {str(right)[:200]}"
    return next(filter(None, (difference(*pair) for pair in pairs)), "")


def _plain(value):
    return VERSION.sub("version_N", value) if isinstance(value, str) else value
