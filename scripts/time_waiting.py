"""Time trainings on an idle and on a busy machine, by how long a thread spins while it waits for another.

python scripts/time_waiting.py [CONFIG ...] [--spins N ...] [--busy N] [--epochs N] [--repeats N]

Trains each configuration with each GOMP_SPINCOUNT, in a process of its own, in alternation; first on the machine as it
is, then beside busy processes. Prints the medians of the seconds, without start-up, and as multiples of the first
count's on the idle machine.
"""

import argparse
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median

TRAINING = """
import sys, tempfile, time
from mnist_mlp.fit import prepare

config, epochs = sys.argv[1:]
with tempfile.TemporaryDirectory() as folder:
    own = {"max_epochs": int(epochs), "enable_progress_bar": False, "default_root_dir": folder}
    session = prepare("fit", config, trainer=own)
    started = time.perf_counter()
    session.execute()
print("seconds", time.perf_counter() - started)
"""

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("configs", nargs="*", default=["configs/quickstart.yaml", "configs/mnist.yaml"], metavar="CONFIG")
parser.add_argument("--spins", nargs="+", default=["300000", "10000"], metavar="N", help="libgomp's own is 300,000")
parser.add_argument("--busy", type=int, default=2, metavar="N", help="processes beside the training")
parser.add_argument("--epochs", type=int, default=3, metavar="N")
parser.add_argument("--repeats", type=int, default=5, metavar="N")
options = parser.parse_args()


def seconds(config: str, spins: str) -> float:
    """How long a training takes."""
    command = [sys.executable, "-c", TRAINING, config, str(options.epochs)]
    ran = subprocess.run(command, env={**os.environ, "GOMP_SPINCOUNT": spins}, capture_output=True, text=True)
    if ran.returncode:
        sys.exit(ran.stderr)
    return float(ran.stdout.split()[-1])


first: dict[str, float] = {}
for busy in sorted({0, options.busy}):
    beside = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
    try:
        times = defaultdict(list)
        for _ in range(options.repeats):
            for config in options.configs:
                for spins in options.spins:
                    times[config, spins].append(seconds(config, spins))
    finally:
        for process in beside:
            process.kill()
    for (config, spins), taken in times.items():
        middle = median(taken)
        ratio = middle / first.setdefault(config, middle)
        print(
            f"{Path(config).stem}, {busy} busy, GOMP_SPINCOUNT {spins}: "
            f"{middle:.2f} s ({min(taken):.2f} - {max(taken):.2f}), {ratio:.2f}",
            flush=True,
        )
