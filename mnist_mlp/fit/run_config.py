"""The settings of a run: as its config.yaml and its checkpoints hold them, and how others differ from them."""

import argparse
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import torch
import yaml
from jsonargparse import ArgumentParser, Namespace
from jsonargparse.typing import register_type
from lightning import LightningDataModule, LightningModule

from mnist_mlp.fit.checkpoint_files import not_a_checkpoint, read_checkpoint
from mnist_mlp.fit.own_classes import with_classes, without_class_paths
from mnist_mlp.fit.run_folder import run_folder
from mnist_mlp.fit.settings import read_settings, settings_in

END = "# the end: a file without this line is only a part of what was written\n"
OLD_END = re.compile(r"\nweights_only: \w+\n\Z")  # of the config.yaml of older versions
DATA_SETTINGS = ("dataset", "data_dir", "val_size", "train_size", "normalize", "image_size")
NOT_OF_A_RUN = ("ckpt_path", "weights_only")
NO_CLASSES: Mapping[str, str] = {}
UNWRITABLE = "Unable to serialize instance "  # what jsonargparse writes in place of a value that YAML lacks

register_type(torch.device, type_check=lambda value, kind: isinstance(value, kind))  # of a callback of Lightning's


def text_of(parser: ArgumentParser, config: Any, classes: Mapping[str, str] = NO_CLASSES) -> str:
    """All settings of a session in YAML, without the checkpoint it was continued from; a last line says that it ends.

    What cannot be written, such as a function, is left out, so that all can be read back.

    Args:
        parser: What knows all settings.
        config: Their values.
        classes: Those that stand in place of the network's or the data's, by section.
    """
    config = config.clone()
    config.ckpt_path = None
    for name in ("trust", "lr_find"):  # which are given for one command
        config.pop(name, None)
    text = parser.dump(config, skip_none=False)
    if UNWRITABLE in text:
        text = yaml.safe_dump(_writable(yaml.safe_load(text)), sort_keys=False)
    return with_classes(text, classes) + END


def without_enums(value: Any) -> Any:
    """Settings with plain texts and numbers where Lightning's defaults are members of an Enum, which YAML lacks."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Namespace):
        return Namespace(**{name: without_enums(each) for name, each in vars(value).items()})
    return [without_enums(each) for each in value] if isinstance(value, list) else value


def _writable(value: Any) -> Any:
    """The same settings without those that could not be written."""
    if isinstance(value, dict):
        return {name: _writable(each) for name, each in value.items() if not _is_unwritable(each)}
    if isinstance(value, list):
        return [_writable(each) for each in value if not _is_unwritable(each)]
    return value


def _is_unwritable(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(UNWRITABLE)


def settings_of_network(checkpoint: Path) -> dict[str, Any]:
    """The settings of the model and the data that a checkpoint was trained with.

    Raises:
        ValueError: if the file is no checkpoint, or damaged.
    """
    content = read_checkpoint(checkpoint)
    sections = _sections_in(content, checkpoint)
    data = {name: value for name, value in sections["data"].items() if name in DATA_SETTINGS}
    settings, classes = {"model": sections["model"], "data": data}, {}
    without_class_paths(settings_in(content.get("config", "{}"), checkpoint), classes)
    return {section: values | _class_in(classes, section) for section, values in settings.items()}


def _class_in(classes: Mapping[str, str], section: str) -> dict[str, str]:
    return {"class_path": classes[section]} if section in classes else {}


def hyper_parameters(stored: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The settings of the model and the data in what a checkpoint holds, without those that are Lightning's own.

    Raises:
        KeyError: if it holds none of a model.
        AttributeError: if what it holds are no settings.
    """
    sections = {
        "model": stored[LightningModule.CHECKPOINT_HYPER_PARAMS_KEY],
        "data": stored.get(LightningDataModule.CHECKPOINT_HYPER_PARAMS_KEY, {}),
    }
    return {
        section: {name: value for name, value in values.items() if not name.startswith("_")}
        for section, values in sections.items()
    }


def _sections_in(stored: dict[str, Any], checkpoint: Path) -> dict[str, dict[str, Any]]:
    """The hyper-parameters in a checkpoint, which is refused where it is another program's."""
    try:
        return hyper_parameters(stored)
    except (KeyError, TypeError, AttributeError) as error:
        raise not_a_checkpoint(checkpoint) from error


def settings_of_run(checkpoint: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """All settings that a run is continued with, and those that its checkpoint was trained with.

    The first are those of config.yaml in the run's folder, where it is whole: they may be newer than the checkpoint.

    Raises:
        ValueError: if the file is no checkpoint, or neither it nor a whole config.yaml holds the settings.
    """
    content = read_checkpoint(checkpoint)
    _sections_in(content, checkpoint)  # refuses another program's file
    stored = content.get("config")
    config = settings_file(checkpoint)
    try:
        newest = _whole(config)
    except (ValueError, FileNotFoundError) as error:
        if stored is None:
            raise _no_settings(checkpoint, config, error) from error
        newest = stored
    return _of_a_run(newest, config), _of_a_run(stored or newest, config)


def settings_file(checkpoint: Path) -> Path:
    """The config.yaml of the run that a checkpoint is of."""
    return (run_folder(checkpoint) or checkpoint.parent) / "config.yaml"


def damaged_file(parser: ArgumentParser, settings: dict[str, Any], checkpoint: Path | None) -> str:
    """The config.yaml of a run that is continued, if what it holds are no settings, for the start of a message."""
    try:
        if settings:
            parser.parse_object(settings)
    except argparse.ArgumentError:
        return f"{settings_file(checkpoint)}: " if checkpoint else ""
    return ""


def _of_a_run(text: str, config: Path) -> dict[str, Any]:
    return {name: value for name, value in settings_in(text, config).items() if name not in NOT_OF_A_RUN}


def _whole(config: Path) -> str:
    """The text of a config.yaml, if it is not only a part of one, and can be read."""
    read_settings(config)
    text = config.read_text()
    if not (text.endswith(END) or OLD_END.search(text)):
        raise ValueError("its end is missing")
    return text


def _no_settings(checkpoint: Path, config: Path, error: Exception) -> ValueError:
    if not config.exists():
        return ValueError(
            f"{checkpoint} is of an older version, whose runs are continued in their folder, and has no {config} "
            "beside it; put it back, or start a new run without --ckpt_path"
        )
    return ValueError(f"{config} is damaged ({error}); write it anew, or give --config and no --ckpt_path")


def differences(before: Mapping[str, Any], now: Mapping[str, Any], section: str = "") -> Iterator[str]:
    """Say of each setting that is another than it was what it is, and what it was.

    Args:
        before: Settings by section; one that is missing there did not exist yet.
        now: The same, now.
        section: What stands before their names.
    """
    for name, old in before.items():
        new = now.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping) and old.get("class_path") == new.get("class_path"):
            yield from differences(old, new, f"{section}{name}.")
        elif name in now and new != old:
            yield f"{section}{name} {_shown(new)}, not {_shown(old)}"


def _shown(value: Any) -> str:
    """A setting as it is typed, that of a class by its name."""
    if isinstance(value, Mapping) and "class_path" in value:
        return str(value["class_path"]).rpartition(".")[2]
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
