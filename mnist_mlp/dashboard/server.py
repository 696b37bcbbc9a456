"""`mnist-mlp dashboard`: TensorBoard for this machine alone."""

import argparse
import io
import json
import time
from collections.abc import Iterable
from contextlib import redirect_stderr, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from tensorboard import program

from mnist_mlp.console.command_parser import CommandParser
from mnist_mlp.dashboard.run_log import find_runs
from mnist_mlp.lightning_internals.hparams_table import results_first

SECONDS = 0.2  # between two looks at whether it was interrupted
# What stands first, above all that TensorBoard orders by the alphabet; and each curve as it is, not smoothed.
FIRST = ("val/acc", "val/loss", "train/acc", "train/loss")
PINNED = json.dumps([{"plugin": "scalars", "tag": tag} for tag in FIRST], separators=(",", ":"))
SHOWN_RESULTS = ("val/acc", "val/loss", "test/acc")  # before the settings of HParams
START = "?" + urlencode({"pinnedCards": PINNED, "smoothing": 0})


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
    server = program.TensorBoard(server_class=_server_of)
    server.configure(argv=["", "--logdir", str(logdir), "--host", "127.0.0.1", "--port", str(port)])
    try:
        with redirect_stderr(io.StringIO()):  # notes on how TensorBoard works
            return server.launch()
    except program.TensorBoardServerException as error:
        in_use = isinstance(error, program.TensorBoardPortInUseError)
        what = f"port {port} is in use" if in_use else f"TensorBoard cannot use port {port}: {error.msg}"
        raise ValueError(f"{what}; choose another, or leave --port out for one that is free") from error


def _server_of(app: WSGIApplication, flags: argparse.Namespace) -> Any:
    app = beginning_with_results(results_first(app, SHOWN_RESULTS))
    return program.create_port_scanning_werkzeug_server(app, flags)


def beginning_with_results(app: WSGIApplication) -> WSGIApplication:
    """The same application, whose first page begins with accuracy and cost; a page that says more stays as it is."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/" and not environ.get("QUERY_STRING"):
            start_response("302 Found", [("Location", f"/{START}"), ("Content-Length", "0")])
            return []
        return app(environ, start_response)

    return answer
