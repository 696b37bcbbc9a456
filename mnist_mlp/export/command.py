"""`mnist-mlp export`: a checkpoint as a file that other programs read."""

from pathlib import Path

from mnist_mlp.console.command_parser import CommandParser
from mnist_mlp.console.files import check_file, replaced_at_once
from mnist_mlp.export.formats import FORMATS, exported
from mnist_mlp.fit.run_folder import run_folder
from mnist_mlp.fit.settings import LOG_DIR
from mnist_mlp.prediction.checkpoint import load


def run(args: list[str]) -> int:
    """Run `mnist-mlp export`.

    Returns:
        The exit status, 0.

    Raises:
        ValueError: if there is no such checkpoint, the file is there already, or the format cannot be written.
        OSError: if the file cannot be written.
    """
    parser = CommandParser(
        "mnist-mlp export",
        description="Write a trained network for other programs, with what they need beside its weights.",
        allow_abbrev=False,
    )
    parser.add_argument("--format", required=True, choices=FORMATS)
    parser.add_argument("--ckpt_path", default="best", help="best or last of the newest run, or a path (default: best)")
    parser.add_argument("--name", help="look among the runs of this name")
    parser.add_argument(
        "--output", type=Path, metavar="PATH", help="(default: in the run's folder, by the checkpoint's name)"
    )
    options = parser.parse_args(args)
    chosen = FORMATS[options.format]
    network = load(options.ckpt_path, LOG_DIR, options.name)
    checkpoint = Path(network.settings["checkpoint"])
    folder = run_folder(checkpoint) or checkpoint.parent
    path = options.output or folder / f"{checkpoint.stem}{chosen.suffix}"
    _check(path, chosen.suffix)
    content = exported(network, options.format)
    with replaced_at_once(path) as part:
        part.write_bytes(content)
    print(f"checkpoint {checkpoint}")
    print(f"{path} · {len(content) / 1e6:.2f} MB · read it with {chosen.reading.format(path=path)}")
    return 0


def _check(path: Path, suffix: str) -> None:
    """See that a new file of this name can be written."""
    if path.suffix != suffix:
        raise ValueError(f"--output must name a {suffix} file; got {path}")
    if path.exists():
        raise ValueError(f"{path} is there already: delete it, or name another file with --output")
    check_file("output", path)
