"""What jsonargparse says of settings that it does not understand, in one sentence."""

import re
from collections.abc import Iterable
from difflib import get_close_matches


def one_sentence(message: str, settings: Iterable[str]) -> str:
    """An error of jsonargparse's, with the nearest of the settings where one is unknown.

    Relies on its wordings: where one changes, the message stays whole, in jsonargparse's own words.

    Args:
        message: What it says, in one line or several.
        settings: The names of all settings.
    """
    sentence = " ".join(message.split())
    sentence = re.sub(r'Parser key "(.+?)": ', r"\1: ", sentence)
    sentence = re.sub(r"Expected a <class '(\w+)'>\. Got value:", r"expected \1; got", sentence)
    return _union_shortened(sentence) + _hint(sentence, settings)


def _union_shortened(sentence: str) -> str:
    """Where a value may be of several types, the types without what is wrong with each."""
    union = re.search(
        r"Does not validate .* Errors: ((?:- Expected [^-]+)+)Given value type: .* Given value: ", sentence
    )
    if not union:
        return sentence
    kinds = [kind or literal for kind, literal in re.findall(r"<class '(\w+)'>|Literal\[(.+?)\]", union[1])]
    return sentence.replace(union[0], f"expected {' or '.join(kinds)}; got ")


def _hint(sentence: str, settings: Iterable[str]) -> str:
    """What may help: the setting that was meant, or where there are settings."""
    if "are required" in sentence:
        return "; a configuration file has all: --config configs/quickstart.yaml"
    nearest = get_close_matches(_unknown(sentence), settings, n=1)
    return f"; did you mean {nearest[0]}?" if nearest else ""


def _unknown(sentence: str) -> str:
    """The setting that there is not, or nothing."""
    if typed := re.search(r"unrecognized arguments: --([\w.]+)", sentence):
        return typed[1]
    if in_section := re.search(r"Group '([\w.]+)' does not accept option '([\w.]+)'", sentence):
        return f"{in_section[1]}.{in_section[2]}"
    above_all = re.match(r"Option '([\w.]+)' is not accepted", sentence)
    return above_all[1] if above_all else ""
