"""What jsonargparse says of settings that it does not understand, in one sentence."""

import inspect
import re
from collections.abc import Iterable, Mapping
from importlib import import_module
from pkgutil import resolve_name

from mnist_mlp.console.plain_errors import nearest

# setting -> where its classes live, and what they all are
CLASSES = {
    "model.optimizer": ("torch.optim", "Optimizer"),
    "model.scheduler": ("torch.optim.lr_scheduler", "LRScheduler"),
    "trainer.callbacks": ("lightning.pytorch.callbacks", "Callback"),
    "trainer.logger": ("lightning.pytorch.loggers", "Logger"),
}
NOT_TYPED = ("ChainedScheduler", "LambdaLR", "MultiplicativeLR", "SequentialLR")  # they are made of other objects
NOT_FOR_DENSE = ("SparseAdam",)  # gradients
LONGEST_LIST = 200  # characters
SYNONYMS = {  # what other programs call a setting
    "lr": "model.optimizer.lr",
    "learning_rate": "model.optimizer.lr",
    "optimizer": "model.optimizer",
    "scheduler": "model.scheduler",
    "momentum": "model.optimizer.momentum",
    "weight_decay": "model.optimizer.weight_decay",
    "epochs": "trainer.max_epochs",
    "batch": "data.batch_size",
    "hidden": "model.hidden_sizes",
    "layers": "model.hidden_sizes",
    "loss": "model.cost",
    "seed": "seed_everything",
    "device": "trainer.accelerator",
}


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
    sentence = re.sub(r"Expected a typing.Literal\[(.+?)\]\. Got value:", r"expected one of \1; got", sentence)
    sentence = re.sub(r"Expected (a tuple with \d+ elements)\. Got value:", r"expected \1; got", sentence)
    if missing := re.fullmatch(r"argument --(\S+): expected one argument", sentence):
        return f"--{missing[1]} needs a value; one that begins with - is typed --{missing[1]}=-1"
    setting, _, rest = sentence.partition(": ")
    if unknown := _class_unknown(setting, rest):
        return unknown
    sentence = re.sub(r"- Expected a path but .*?either not accessible or invalid - ", "", sentence)
    setting, _, rest = sentence.partition(": ")
    if explained := _no_class(setting, rest) or _argument_wrong(setting, rest):
        return explained
    if unloadable := re.match(r"Unable to load config '(.*?)' - ", rest):
        return f"{setting} must hold settings, or be the path of a file with some; got {unloadable[1]:.80}"
    sentence = _union_shortened(sentence)
    return sentence + _hint(sentence, settings)


def _class_unknown(setting: str, rest: str) -> str:
    """Where a class was named that there is not: the nearest, and which there are; else nothing."""
    named = re.search(r"Expected a path but (\S+) either not accessible", rest) or re.search(
        r"(?:Import path|Expected a dot import path string:?|callable class: Expected) '?([\w.]+)", rest
    )
    about_an_argument = re.match(r"(Type \S+\[.*?\] expects a function or a callable class: )?\w+: ", rest)
    if setting not in CLASSES or not named or about_an_argument:
        return ""
    module, base = CLASSES[setting]
    names = class_names(module, base)
    listed = ", ".join(names)
    listed = listed if len(listed) <= LONGEST_LIST else f"the classes of {module}"
    meant = nearest(named[1].rpartition(".")[2], names, cutoff=0.5)
    if meant == named[1]:
        return f"{setting} must be given by its path, {module}.{named[1]}; got {named[1]}, a name that two classes have"
    hint = f": did you mean {meant}?" if meant else ""
    return f"{setting} must be one of {listed}, or the path of a class; got {named[1]:.60}{hint}"


def _no_class(setting: str, rest: str) -> str:
    """Where what should name a class and its arguments does not, else nothing."""
    if re.search(r"unhashable type|is not iterable|object has no attribute '(keys|items)'|must be a mapping", rest):
        return (
            f"{setting} must be a class: a text, or class_path with a text and init_args with settings by their names"
        )
    if unnamed := re.search(r"Option '(.+?)' is not accepted\. Got value: Namespace\(class_path='typing\.", rest):
        return f"{setting} must name its class before {unnamed[1]}, as --{setting} does"
    return ""


def _argument_wrong(setting: str, rest: str) -> str:
    """Where a class is known, and what is wrong is one of its arguments; else nothing."""
    if setting == "model.scheduler" and re.search(r"\bschedulers: ", rest):
        return f"{setting}: several in turn are those of mnist_mlp.schedules.SchedulesInTurn, without their optimizer"
    begin, end = (
        r"(?:Problem with given class_path '\S+'|expects a function or a callable class): ",
        r"\. Got value: Namespace",
    )
    end = rf"(?:{end}| - Expected a | - Problem with| - Not a valid|$)"
    problem = re.search(rf"{begin}(\w+: Does not validate .*? Given value: .*?){end}", rest) or re.search(
        rf"{begin}(.+?)(?:{end}| Given value type)", rest
    )
    path = re.search(r"class_path(?:=| )'([\w.]+)'", rest)
    if not problem or not path:
        return ""
    name = path[1].rpartition(".")[2]
    if missing := re.match(r"the following arguments are required: (.+)", problem[1]):
        return f"{setting}: {name} needs {missing[1]}"
    if unknown := re.match(r"Option '(.+?)' is not accepted", problem[1]):
        if unknown[1] == "class_path":  # what stands beside it makes jsonargparse take all for arguments
            return f"{setting}: beside class_path only init_args may stand"
        parameters, synonym = parameters_of(path[1]), SYNONYMS.get(unknown[1], "").rpartition(".")[2]
        meant = synonym if synonym in parameters else nearest(unknown[1], parameters)
        return f"{setting}: {name} has no {unknown[1]}" + (f"; did you mean {meant}?" if meant else "")
    return f"{setting}: {_union_shortened(problem[1])}"


def parameters_of(path: str) -> Mapping[str, inspect.Parameter]:
    """What a class takes, by name, where class_path is its path; nothing where that is no class."""
    try:
        return inspect.signature(resolve_name(path)).parameters
    except (ImportError, AttributeError, TypeError, ValueError):
        return {}


def class_names(module: str, base: str) -> list[str]:
    """The public classes of a module that can be made, and are of one kind."""
    home = import_module(module)
    kind = getattr(home, base)
    found = {name: each for name, each in vars(home).items() if inspect.isclass(each) and not name.startswith("_")}
    names = (name for name, each in found.items() if issubclass(each, kind) and each is not kind)
    return sorted(name for name in names if name not in NOT_TYPED + NOT_FOR_DENSE)


def _union_shortened(sentence: str) -> str:
    """Where a value may be of several types, the types without what is wrong with each."""
    union = re.search(
        r"Does not validate against any of the Union subtypes Subtypes: \[(.+?)\] Errors: ?(.*)", sentence
    )
    if not union:
        return sentence
    kinds = re.findall(r"<class '(?:\w+\.)*(\w+)'>|Literal\[(.+?)\]|(list|Iterable|Callable|dict|tuple)\[", union[1])
    names = dict.fromkeys(next(filter(None, kind)).replace("NoneType", "null") for kind in kinds)
    allowed = " or ".join(name for name in names if name != "Tensor")  # which nobody can type
    _, given, value = union[2].rpartition("Given value: ")
    return sentence.replace(union[0], f"expected {allowed}" + (f"; got {value:.80}" if given else ""))


def _hint(sentence: str, settings: Iterable[str]) -> str:
    """What may help: the setting that was meant, or where there are settings."""
    if "Empty nested key" in sentence:
        return "; a name has nothing before or after one of its dots"
    if "are required" in sentence:
        return "; a configuration file has all: --config quickstart"
    if re.match(r"Option 'search\b", sentence):
        return "; a configuration with a section search: is for mnist-mlp sweep"
    if one_word := re.fullmatch(r"unrecognized arguments: ([^-\s]\S*)", sentence):
        return f"; a configuration is named by --config {one_word[1]}"
    known = [*settings]
    names = " and ".join(dict.fromkeys(filter(None, (_meant(name, known) for name in _unknown(sentence)))))
    return f"; did you mean {names}?" if names else ""


def _meant(unknown: str, settings: list[str]) -> str | None:
    """The setting that is probably meant by a name that there is not."""
    word = unknown.replace("-", "_")
    sections = [name for name in settings if name.endswith(f".{word}")]
    return SYNONYMS.get(word) or (sections[0] if len(sections) == 1 else nearest(word, settings))


def _unknown(sentence: str) -> list[str]:
    """The settings that there are not."""
    if "unrecognized arguments: " in sentence:
        return re.findall(r"(?<!\S)--([\w.-]+)", sentence.partition("unrecognized arguments: ")[2])
    if in_section := re.search(r"Group '([\w.]+)' does not accept option '([\w.]+)'", sentence):
        return [f"{in_section[1]}.{in_section[2]}"]
    above_all = re.match(r"Option '([\w.]+)' is not accepted", sentence)
    return [above_all[1]] if above_all else []
