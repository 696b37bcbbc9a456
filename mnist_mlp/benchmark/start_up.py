"""What happens before the first step of `mnist-mlp fit`, part by part."""

import os
import subprocess
import sys
import time
from statistics import median
from tempfile import TemporaryDirectory


def time_start_up(config: str, repeats: int) -> tuple[dict[str, float], float]:
    """Start a training in a process of its own, stop it at its first step, and do so again.

    Args:
        config: The configuration file to train with.
        repeats: How often.

    Returns:
        The median seconds of each part, and how long all take beside `import torch, lightning` in a process alone.

    Raises:
        ValueError: if the training does not come to its first step.
    """
    parts: dict[str, list[float]] = {}
    alone, whole = [], []
    for _ in range(repeats):
        alone.append(_run(["-c", "import torch, lightning, os; os._exit(0)"])[0])
        with TemporaryDirectory() as folder:
            seconds, marks = _run(["-m", "mnist_mlp.benchmark.start_up", config, folder])
        whole.append(seconds)
        for line in marks:
            name, _, duration = line.partition("=")
            parts.setdefault(name, []).append(float(duration))
    return {name: median(durations) for name, durations in parts.items()}, median(whole) / median(alone)


def _run(args: list[str]) -> tuple[float, list[str]]:
    started = time.perf_counter()
    process = subprocess.run([sys.executable, *args], capture_output=True, text=True, check=False)
    if process.returncode:
        *_, message = ["no message", *process.stderr.splitlines()]
        raise ValueError(f"the training did not come to its first step: {message}")
    return time.perf_counter() - started, [line for line in process.stdout.splitlines() if "=" in line]


def main(config: str, folder: str) -> None:
    """Train until the first step, and print how long each part took."""
    before = time.perf_counter()

    def mark(part: str) -> None:
        nonlocal before
        now = time.perf_counter()
        print(f"{part}={now - before}")
        before = now

    import torch  # noqa: F401
    from lightning import Callback, LightningModule, Trainer

    mark("import torch and lightning")
    from mnist_mlp.fit import prepare

    mark("import this project, with TensorBoard, torchvision and rich")

    class FirstStep(Callback):
        """Ends the process at the first step."""

        def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
            mark("read and verify the data")

        def on_train_batch_start(
            self, trainer: Trainer, pl_module: LightningModule, batch: object, batch_idx: int
        ) -> None:
            mark("open the log and the bar, validate two batches, gather the first block")
            sys.stdout.flush()
            os._exit(0)

    session = prepare("fit", config, callbacks=[FirstStep()], trainer={"default_root_dir": folder})
    mark("read the configuration, build the network and the Trainer")
    session.execute()


if __name__ == "__main__":
    main(*sys.argv[1:])
