"""A run that an earlier version of this project wrote (commit 3d00d52) can still be tested, reported and continued.

`old_run/small` is such a run: 784-6-10 on the digits, three epochs, with dropout, rising momentum, and a dashboard.
"""

import hashlib
import shutil
from pathlib import Path

import pytest
import torch

from mnist_mlp.cli import main
from mnist_mlp.dashboard.run_log import read_run

# right, where an older Lightning is installed than the one that wrote the run
pytestmark = pytest.mark.filterwarnings("ignore:The loaded checkpoint was produced with Lightning")

OLD_RUN = Path(__file__).parent / "old_run" / "small"
WRITTEN_WITH = ("2.14.1+cu130", "AVX512")  # torch, and what the processor can do: others may round otherwise
PARAMETERS = "09c959d3a56b54e25d2fd899a81648b034a946622926bc01e56c02066ff28f4a"


@pytest.fixture
def old_run(tmp_path, monkeypatch, without_shape_checks):
    """Its folder, a copy, in the `logs` of the present one."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(OLD_RUN, tmp_path / "logs" / "small")
    return tmp_path / "logs" / "small" / "version_0"


@pytest.mark.parametrize(("which", "accuracy"), [("best", "test/acc 85.83 %"), ("last", "test/acc 85.00 %")])
def test_is_tested(old_run, capsys, which, accuracy):
    main(["test", "--ckpt_path", which])
    assert accuracy in capsys.readouterr().out


def test_is_reported(old_run, capsys):
    pytest.importorskip("matplotlib")
    with pytest.raises(SystemExit, match="0"):
        main(["report", str(old_run)])
    page = (old_run / "report.html").read_text()
    assert "84.00 %" in page  # the best validation accuracy
    assert page.count("<svg") >= 2
    assert "784" in page


def test_is_continued_as_if_nothing_had_happened(old_run):
    main(["fit", "--ckpt_path", "last", "--trainer.max_epochs", "5"])
    last = torch.load(old_run / "checkpoints" / "last.ckpt", weights_only=True)
    assert (last["epoch"], last["global_step"]) == (4, 570)
    group = last["optimizer_states"][0]["param_groups"][0]
    assert (group["momentum"], group["lr"]) == (0.9, pytest.approx(0.3 * 0.9**5))
    best = torch.load(old_run / "checkpoints" / "best.ckpt", weights_only=True)
    _, accuracies = read_run(old_run).scalars["val/acc"]
    assert len(accuracies) == 5
    assert best["epoch"] == accuracies.index(max(accuracies))
    assert last["callbacks"]["Speed"]["seconds"] > 0
    digest = hashlib.sha256()
    for name, value in last["state_dict"].items():
        if name.startswith("mlp."):
            digest.update(value.contiguous().numpy().tobytes())
    if (torch.__version__, torch.backends.cpu.get_cpu_capability()) == WRITTEN_WITH:
        assert best["epoch"] == 4
        assert digest.hexdigest() == PARAMETERS
