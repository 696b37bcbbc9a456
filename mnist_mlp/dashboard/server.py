"""`mnist-mlp dashboard`: TensorBoard for this machine alone."""

import time
from contextlib import suppress
from pathlib import Path

from tensorboard import program

from mnist_mlp.console.command_parser import CommandParser
from mnist_mlp.dashboard.run_log import find_runs

SECONDS = 0.2  # between two looks at whether it was interrupted


def run(args: list[str]) -> int:
    """Run `mnist-mlp dashboard` until it is interrupted.

    Returns:
        The exit status, 0.

    Raises:
        ValueError: if there is no run, or the port is in use.
    """
    parser = CommandParser(
        "mnist-mlp dashboard",
        description="Start TensorBoard, which only this machine can reach, and print its address.",
    )
    parser.add_argument("logdir", nargs="?", type=Path, default=Path("logs"), help="a folder of runs, or one run")
    parser.add_argument("--port", type=int, default=0, help="(default: one that is free)")
    options = parser.parse_args(args)
    if not 0 <= options.port < 2**16:
        raise ValueError(f"port must lie in 0 ... {2**16 - 1}; got {options.port}")
    runs = find_runs(options.logdir)
    shown = f"{len(runs)} run{'s' if len(runs) > 1 else ''} of {options.logdir}"
    print(f"{serve(options.logdir, options.port)} shows {shown} · Ctrl-C stops", flush=True)
    with suppress(KeyboardInterrupt):
        while True:  # a wait without end would miss a Ctrl-C that another thread of the process is told of
            time.sleep(SECONDS)
    return 0


def serve(logdir: Path, port: int = 0) -> str:
    """Start TensorBoard in this process.

    Args:
        logdir: A folder of runs.
        port: Where it listens; 0 is one that is free.

    Returns:
        Its address.

    Raises:
        ValueError: if the port cannot be used.
    """
    server = program.TensorBoard()
    server.configure(argv=["", "--logdir", str(logdir), "--host", "127.0.0.1", "--port", str(port)])
    try:
        return server.launch()
    except program.TensorBoardServerException as error:
        in_use = isinstance(error, program.TensorBoardPortInUseError)
        what = f"port {port} is in use" if in_use else f"TensorBoard cannot use port {port}: {error.msg}"
        raise ValueError(f"{what}; choose another, or leave --port out for one that is free") from error
