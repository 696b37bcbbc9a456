"""An error in one sentence that its reader can act on: without paragraphs, frames of C++, or a megabyte of echo."""

import errno
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

LONGEST_WORD = 150  # characters: a path may be long
LONGEST_SENTENCE = 300
LONGEST_START = 200  # of a sentence that is cut; its end is what helps
FULL = (errno.ENOSPC, errno.EDQUOT)
MEMORY = (
    r"tried to allocate (?P<asked>[\d.]+ ?[A-Za-z]+)",  # torch
    r"Unable to allocate (?P<asked>[\d.]+ ?[A-Za-z]+)",  # NumPy
    r"Storage size calculation overflowed|numel: integer multiplication overflow|array is too big",
)
UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def plain_sentence(error: BaseException) -> str:
    """What an error says, as one sentence of bearable length."""
    sentence = re.sub(r"^\[Errno \d+\] ", "", " ".join(str(error).split()))
    if isinstance(error, OSError):
        sentence = re.sub(r": b'", ": '", sentence)  # a path in bytes
    if isinstance(error, OSError) and error.errno in FULL:
        where = f"for {error.filename}" if error.filename else "on the disk"
        sentence = f"no space is left {where}; make room, or write elsewhere"
    elif isinstance(error, RuntimeError | MemoryError | ValueError | TypeError) and (asked := _memory(sentence)):
        sentence = f"memory is too small: {asked}; make the layers, the batches or the data smaller"
    return shortened(sentence)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether something too large was asked for."""
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and bool(_memory(str(error))))


@contextmanager
def naming(setting: str) -> Iterator[None]:
    """Let the error of a library that takes a setting's value name the setting, since it is a refusal of that value.

    Raises:
        ValueError: if there was an error.
    """
    try:
        yield
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise ValueError(f"{setting}: {plain_sentence(error)}") from error


def nearest(typed: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The name that was meant, most probably: one in other case, or of the same letters, or else the most similar.

    Args:
        typed: A name that there is not.
        names: Those that there are.
        cutoff: How similar it must be at least, from 0 to 1, as `difflib.get_close_matches` measures it.
    """
    known = {name.lower(): name for name in names}
    close = get_close_matches(typed.lower(), known, n=3, cutoff=cutoff)
    swapped = (name for name in close if sorted(name) == sorted(typed.lower()))
    found = next(swapped, close[0] if close else None)
    return None if found is None else known[found]


def shortened(sentence: str) -> str:
    """A sentence whose longest words, and whose end, are left out where they are too long to be read."""
    sentence = re.sub(
        rf"\S{{{LONGEST_WORD},}}", lambda word: f"{word[0][:60]}... ({len(word[0]):,} characters)", sentence
    )
    if len(sentence) <= LONGEST_SENTENCE:
        return sentence
    return f"{sentence[:LONGEST_START]} ... {sentence[-(LONGEST_SENTENCE - LONGEST_START - 5) :]}"


def _memory(sentence: str) -> str:
    """How much memory is asked for and how much there is, where that is what an error says."""
    found = next(filter(None, (re.search(pattern, sentence, re.IGNORECASE) for pattern in MEMORY)), None)
    if found is None:
        return ""
    asked = found.groupdict().get("asked") or "more than any machine can count"
    count = re.fullmatch(r"(\d+) ?bytes", asked)
    asked = _in_units(int(count[1])) if count else asked
    return f"{asked} {'are' if count else 'is'} asked for at once{_free()}"


def _in_units(count: float) -> str:
    unit = 0
    while count >= 1024 and unit < len(UNITS) - 1:
        count, unit = count / 1024, unit + 1
    return f"{count:,.1f} {UNITS[unit]}"


def _free() -> str:
    """What the system says is free, where it says so."""
    try:
        with open("/proc/meminfo") as said:
            available = re.search(r"MemAvailable: +(\d+) kB", said.read())
    except OSError:
        available = None
    return f", and {_in_units(int(available[1]) * 1024)} are free" if available else ""
