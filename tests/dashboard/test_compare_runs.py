import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from torch.utils.tensorboard.writer import SummaryWriter

SCRIPT = Path(__file__).parents[2] / "scripts" / "compare_runs.py"


@pytest.fixture
def logs(tmp_path):
    for name in ("relu", "sigmoid"):
        with SummaryWriter(tmp_path / name / "version_0") as writer:
            for step in range(3):
                writer.add_scalar("val/acc", 0.1 * step, step)
                writer.add_scalar("norm/layer_1", 0.1**step, step)
                writer.add_scalar("norm/layer_2", 0.1**step, step)
    return tmp_path


def compare(*args):
    return subprocess.run([sys.executable, str(SCRIPT), *map(str, args)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("args", "columns", "rows"),
    [
        (["relu"], 2, 1),
        (["relu", "sigmoid", "--tags", "val/acc", "norm/layer_1", "norm/layer_2"], 2, 2),
        (["relu", "relu/version_0", "--tags", "val/acc"], 1, 1),
    ],
    ids=str,
)
def test_one_run_or_several_are_drawn(logs, args, columns, rows):
    done = compare(logs / "out.png", *(logs / arg if (logs / arg).exists() else arg for arg in args))
    assert done.returncode == 0, done.stderr
    with Image.open(logs / "out.png") as picture:
        assert picture.size == (520 * columns, 420 * rows)


def test_several_runs_need_tags(logs):
    done = compare(logs / "out.png", logs / "relu", logs / "sigmoid")
    assert done.returncode == 2
    assert "several runs are compared by tags: name some with --tags" in done.stderr
