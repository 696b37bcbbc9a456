"""`mnist-mlp configs`: the configurations that come with the package, and copies of them."""

import re
import shutil
from pathlib import Path
from textwrap import shorten

from mnist_mlp.console.command_parser import CommandParser
from mnist_mlp.console.files import check_file, replaced_at_once
from mnist_mlp.console.plain_errors import nearest
from mnist_mlp.shipped.files import configurations

HEADINGS = {
    "fit": "mnist-mlp fit --config NAME",
    "sweep": "mnist-mlp sweep NAME",
    "reproduce": "mnist-mlp reproduce NAME, or fit --config NAME for a single network",
}


def run(args: list[str]) -> None:
    """Run `mnist-mlp configs`.

    Raises:
        ValueError: if there is no such configuration, or the copy would replace a file.
        OSError: if it cannot be written.
    """
    parser = CommandParser(
        "mnist-mlp configs",
        description="List the configurations that come with mnist-mlp, or copy one, to change it.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="copy this one (default: list all)")
    parser.add_argument("--output", type=Path, metavar="PATH", help="the copy (default: NAME.yaml, here)")
    options = parser.parse_args(args)
    known = configurations()
    if options.name is None:
        if options.output:
            raise ValueError("--output is for a copy: name the configuration that is to be copied")
        print(listing(known, shutil.get_terminal_size().columns))
        return
    if options.name not in known:
        meant = nearest(options.name, known)
        hint = f"did you mean {meant}?" if meant else "mnist-mlp configs lists them"
        raise ValueError(f"there is no configuration {options.name}; {hint}")
    source = known[options.name]
    target = options.output or Path(f"{source.stem}.yaml")
    if target.exists():
        raise ValueError(f"{target} is there already, and is not replaced; name another file with --output")
    check_file("output", target)
    with replaced_at_once(target) as part:
        shutil.copyfile(source, part)
    print(f"{target}; mnist-mlp {command_of(target.read_text(encoding='utf-8'))} {target}")


def listing(known: dict[str, Path], columns: int) -> str:
    """A line for each configuration, its name and its purpose, below the command that takes it."""
    purposes: dict[str, dict[str, str]] = {command: {} for command in HEADINGS}
    for name, path in known.items():
        text = path.read_text(encoding="utf-8")
        command = "reproduce" if path.parent.name == "published" else command_of(text).split()[0]
        purposes[command][name] = purpose_of(text)
    sections = []
    for command, heading in HEADINGS.items():
        longest = max(map(len, purposes[command]))
        room = columns - longest - 4
        lines = [f"  {name:{longest}}  {_in_one_line(purpose, room)}" for name, purpose in purposes[command].items()]
        sections.append("\n".join([heading, *lines]))
    return "\n\n".join(sections)


def _in_one_line(purpose: str, room: int) -> str:
    """The purpose; where it is too long for a line, what stands before its first colon, or its beginning."""
    return shorten(purpose if len(purpose) <= room else re.split("[:;] ", purpose)[0], room, placeholder=" ...")


def purpose_of(text: str) -> str:
    """What the first comment of a configuration says it is for."""
    paragraph = re.match(r"# Purpose: +(.*(?:\n# {3,}.*)*)", text)
    return " ".join(paragraph[1].replace("\n#", " ").split()) if paragraph else ""


def command_of(text: str) -> str:
    """The command that takes a configuration, and the option for it: `fit --config`, or `sweep`."""
    command = re.search(r"^# Command: +mnist-mlp (fit --config|sweep)", text, flags=re.MULTILINE)
    return command[1] if command else "fit --config"
