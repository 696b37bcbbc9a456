"""What jsonargparse says of settings that it does not understand, in one sentence."""

import inspect
import re
from collections.abc import Iterable
from difflib import get_close_matches
from importlib import import_module

# setting -> where its classes live, and what they all are
CLASSES = {
    "model.optimizer": ("torch.optim", "Optimizer"),
    "model.scheduler": ("torch.optim.lr_scheduler", "LRScheduler"),
    "trainer.callbacks": ("lightning.pytorch.callbacks", "Callback"),
    "trainer.logger": ("lightning.pytorch.loggers", "Logger"),
}
NOT_TYPED = ("ChainedScheduler", "LambdaLR", "MultiplicativeLR", "SequentialLR")  # they are made of other objects
LONGEST_LIST = 200  # characters


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
    sentence = re.sub(r"Type \S+\[.*?\] expects a function or a callable class: ", "", sentence)
    sentence = re.sub(r"\.? Got value: Namespace\(.*\)$", "", sentence)
    if missing := re.fullmatch(r"argument --(\S+): expected one argument", sentence):
        return f"--{missing[1]} needs a value; one that begins with - is typed --{missing[1]}=-1"
    if unknown := _class_unknown(sentence):
        return unknown
    sentence = _union_shortened(sentence)
    sentence = re.sub(r"- Expected a path but \S+ either not accessible or invalid - ", "", sentence)
    return sentence + _hint(sentence, settings)


def _class_unknown(sentence: str) -> str:
    """Where a class was named that there is not: the nearest, and which there are; else nothing."""
    setting, _, rest = sentence.partition(": ")
    named = re.search(r"Expected a path but (\S+) either not accessible", rest) or re.search(
        r"(?:Import path|Expected a dot import path string:?) '?([\w.]+)", rest
    )
    about_an_argument = re.match(r"\w+: ", rest)
    if setting not in CLASSES or not named or about_an_argument:
        return ""
    module, base = CLASSES[setting]
    names = class_names(module, base)
    listed = ", ".join(names)
    listed = listed if len(listed) <= LONGEST_LIST else f"the classes of {module}"
    nearest = get_close_matches(named[1].rpartition(".")[2], names, n=1, cutoff=0.5)
    hint = f": did you mean {nearest[0]}?" if nearest else ""
    return f"{setting} must be one of {listed}, or the path of a class; got {named[1]:.60}{hint}"


def class_names(module: str, base: str) -> list[str]:
    """The public classes of a module that can be made, and are of one kind."""
    home = import_module(module)
    kind = getattr(home, base)
    found = {name: each for name, each in vars(home).items() if inspect.isclass(each) and not name.startswith("_")}
    names = (name for name, each in found.items() if issubclass(each, kind) and each is not kind)
    return sorted(name for name in names if name not in NOT_TYPED)


def _union_shortened(sentence: str) -> str:
    """Where a value may be of several types, the types without what is wrong with each."""
    union = re.search(r"Does not validate .* Errors: (- .+) Given value type: .*? Given value: ", sentence)
    if not union:
        return sentence
    kinds = [kind or literal for kind, literal in re.findall(r"<class '(\w+)'>|Literal\[(.+?)\]", union[1])]
    allowed = " or ".join(dict.fromkeys(kinds)).replace(" or NoneType", " or null")
    return sentence.replace(union[0], f"expected {allowed}; got ")


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
