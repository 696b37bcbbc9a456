"""`mnist-mlp predict`: what is in pictures; without any, the validation images as `mnist_mlp.fit` predicts them."""

import argparse
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from mnist_mlp.console.command_parser import CommandParser
from mnist_mlp.console.files import check_file, replaced_at_once
from mnist_mlp.console.tables import wide_console
from mnist_mlp.fit.command import predict as predict_validation_images
from mnist_mlp.fit.settings import LOG_DIR
from mnist_mlp.prediction.answer import Answer, answer, score
from mnist_mlp.prediction.checkpoint import load
from mnist_mlp.prediction.contact_sheet import contact_sheet
from mnist_mlp.prediction.folder import LABELS, labels_in, pictures_in
from mnist_mlp.prediction.results import as_csv, as_json
from mnist_mlp.prediction.table import confusion_table, sentences_of, table_of
from mnist_mlp.prediction.trained_network import TrainedNetwork

DESCRIPTION = """Say what digits pictures of handwriting show. Without pictures, classify the validation images with a
checkpoint, into predictions.csv beside it; then all settings of mnist-mlp validate can be given, too."""


def run(args: Sequence[str]) -> int:
    """Run `mnist-mlp predict`.

    Returns:
        The exit status: 1 if a file could not be read.

    Raises:
        ValueError: if an option makes no sense, there is no such checkpoint, or the only file cannot be read.
        OSError: if a file cannot be written.
    """
    parser = _parser()
    options, rest = parser.parse_known_args(args)
    has_settings = any(word.startswith("-") for word in rest)
    if not has_settings:  # but pictures behind an option
        options.files += map(Path, rest)
    asks_of_pictures = options.files or options.csv or options.json or options.picture
    # what follows a setting is its value, and no picture: --data.val_size 300
    if not asks_of_pictures or (has_settings and args[0].startswith("-")):
        if {"-h", "--help"} & set(args):
            print(f"{parser.format_help()}\nWithout pictures:\n")
        predict_validation_images(args)
        return 0
    if has_settings:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return _predict(options)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("mnist-mlp predict", description=DESCRIPTION, allow_abbrev=False, add_help=False)
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="PICTURE", help="files, or one folder, whose pictures may carry labels"
    )
    parser.add_argument("--ckpt_path", default="best", help="best or last of the newest run, or a path (default: best)")
    parser.add_argument("--name", help="look among the runs of this name")
    parser.add_argument("--csv", metavar="PATH", help="write a row for each digit; - for the standard output")
    parser.add_argument("--json", metavar="PATH", help="write all probabilities, too; - for the standard output")
    parser.add_argument("--picture", type=Path, metavar="PATH", help="draw what was found as a PNG")
    return parser


def _predict(options: argparse.Namespace) -> int:
    """Answer for all files, and write what is asked for."""
    if not options.files:
        raise ValueError("--csv, --json and --picture are for pictures: name files, or a folder")
    pictures, folder, others = _pictures(options.files)
    _check_outputs(options, [*pictures, *([folder / LABELS] if folder else [])])
    network = load(options.ckpt_path, LOG_DIR, options.name)
    answers = _answers(pictures, folder, network)
    if len(answers) == 1 and answers[0].problem:
        raise ValueError(f"{answers[0].file} {answers[0].problem}")
    to_stdout = "-" in (options.csv, options.json)
    if not to_stdout:
        print(f"checkpoint {network.settings['checkpoint']}")
        _print_tables(answers, network)
    broken = sum(bool(each.problem) for each in answers)
    said = [
        *sentences_of(score(answers, network.class_names)),
        *([f"skipped, since they are no pictures: {others:,}"] if others else []),
        *_write(options, network, answers),
        *([f"{broken:,} of {len(answers):,} files could not be read"] if broken else []),
    ]
    for sentence in said:
        print(sentence, file=sys.stderr if to_stdout else sys.stdout)
    return 1 if broken else 0


def _print_tables(answers: Sequence[Answer], network: TrainedNetwork) -> None:
    """Print the answers, and what was taken for what where the pictures have labels."""
    console = wide_console(80 + max(len(each.file) for each in answers))
    console.print(table_of(answers))
    measured = score(answers, network.class_names)
    if measured.confusions:
        console.print(confusion_table(measured, network.class_names))


def _check_outputs(options: argparse.Namespace, read: Collection[Path]) -> None:
    """See that what is to be written can be, and is none of what is read."""
    if (options.csv, options.json) == ("-", "-"):
        raise ValueError("--csv and --json cannot both go to the standard output: name a file for one of them")
    known = {path.resolve() for path in read}
    for option in ("csv", "json", "picture"):
        path = getattr(options, option)
        if path is None or str(path) == "-":
            continue
        check_file(option, Path(path))
        if Path(path).resolve() in known:
            raise ValueError(f"--{option} must not name what is read; got {path}")
    if options.picture and options.picture.suffix != ".png":
        raise ValueError(f"--picture must name a .png file; got {options.picture}")


def _pictures(files: Sequence[Path]) -> tuple[list[Path], Path | None, int]:
    """The pictures among what was typed, the folder that holds them, if any, and how many files of it are others."""
    folder = next((path for path in files if path.is_dir()), None)
    if folder is None:
        return [*files], None, 0
    if len(files) > 1:
        raise ValueError(f"give files, or one folder; got the folder {folder} among {len(files)}")
    pictures, others = pictures_in(folder)
    return pictures, folder, others


def _answers(pictures: Sequence[Path], folder: Path | None, network: TrainedNetwork) -> list[Answer]:
    """What is said of each picture; in a folder, also of those that its labels.csv misses."""
    if folder is None:
        return [answer(network, path, str(path)) for path in pictures]
    labels = labels_in(folder, pictures, network.class_names)
    paths = dict.fromkeys([*pictures, *labels])
    return [answer(network, path, str(path.relative_to(folder)), labels.get(path)) for path in paths]


def _write(options: argparse.Namespace, network: TrainedNetwork, answers: Sequence[Answer]) -> list[str]:
    """Write CSV, JSON and PNG, as far as they are asked for; what is to be said of each file."""
    written = []
    texts = {"csv": lambda: as_csv(answers), "json": lambda: as_json(network, answers)}
    for option, text in texts.items():
        path = getattr(options, option)
        if path == "-":
            sys.stdout.write(text())
        elif path:
            written.append(_word_of(Path(path)))
            with replaced_at_once(Path(path)) as part:
                part.write_text(text(), encoding="utf-8")
    if options.picture:
        written.append(_word_of(options.picture))
        with replaced_at_once(options.picture) as part:
            contact_sheet(answers, network.class_names).save(part, "PNG")
    return written


def _word_of(path: Path) -> str:
    """What is said of a file that is written."""
    return f"{path} (in place of the one that was there)" if path.exists() else str(path)
