"""`mnist-mlp lessons`: small programs that show one thing each."""

import ast
import subprocess
import sys
from pathlib import Path

from mnist_mlp.console.command_parser import CommandParser
from mnist_mlp.shipped.files import shipped_folder

SHARED = "lesson"  # the module that all lessons import


def run(args: list[str]) -> int:
    """Run `mnist-mlp lessons`.

    Returns:
        The exit status: 0, or 1 if a lesson failed.

    Raises:
        ValueError: if there is no such lesson or folder.
    """
    parser = CommandParser(
        "mnist-mlp lessons",
        description="Run small programs that show one thing each: each prints what it shows, and draws it.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="(default: all)")
    parser.add_argument("--list", action="store_true", help="only say which there are")
    parser.add_argument(
        "--folder",
        type=Path,
        default=shipped_folder("scripts/lessons"),
        help="where the lessons are (default: those that come with mnist-mlp)",
    )
    parser.add_argument("--output", type=Path, default=Path(), metavar="DIR", help="where figures go (default: here)")
    options = parser.parse_args(args)
    lessons = find_lessons(options.folder)
    if unknown := [name for name in options.names if name not in lessons]:
        raise ValueError(f"there is no lesson {unknown[0]}; choose of {', '.join(lessons)}")
    if not options.output.is_dir():
        raise ValueError(f"there is no folder {options.output}; make it, or name another with --output")
    failed = []
    for name in options.names or lessons:
        print(f"{name}: {lessons[name]}", flush=True)
        if not options.list:
            command = [sys.executable, str(options.folder / f"{name}.py"), "--output", str(options.output)]
            if subprocess.run(command, check=False).returncode:
                failed.append(name)
            print(flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def find_lessons(folder: Path) -> dict[str, str]:
    """The names of the lessons in a folder, and what each shows.

    Raises:
        ValueError: if there is none.
    """
    files = sorted(path for path in folder.glob("*.py") if path.stem != SHARED)
    if not files:
        raise ValueError(f"{folder} holds no lessons; name another folder with --folder, or leave it out")
    return {path.stem: (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0] for path in files}
