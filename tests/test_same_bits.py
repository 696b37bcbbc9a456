"""Trainings give the parameters that they gave at commit 3d00d52, to the last bit.

The bits are those of one version of torch on one kind of processor with two threads: others may take other kernels.
"""

import hashlib
import re
from pathlib import Path

import pytest
import torch

from mnist_mlp.fit import prepare

ROOT = Path(__file__).parent.parent
TORCH, PROCESSOR = "2.14.1+cu130", "AuthenticAMD 25 17"
PARAMETERS = {
    "published/nielsen-ch1-30": "ea7c7a4c67b4d1c4437d5ee9076e10c8ad845b27f430482ca4aefe540b36e744",
    "mnist": "1f8d882a409790c0b1ed1c6ea0e228dcc91d1bb62d32c042c7d2f4a5adb659e2",
    "published/srivastava-dropout-max-norm": "6db3ead601f99ca5962230bad5581a92862326775cee9c700b5712df956d416e",
    "published/affine-elastic-small": "37c19bd15a6271727e89e0eb6416d352618a238eddb705e81d0ad63002d3159d",
}


def processor():
    """Vendor, family and model of the processor, as Linux gives them."""
    try:
        lines = Path("/proc/cpuinfo").read_text()
    except OSError:
        return "unknown"
    found = [re.search(rf"^{name}\s*: (.+)$", lines, re.MULTILINE) for name in ("vendor_id", "cpu family", "model")]
    return " ".join(match[1] for match in found if match)


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.mnist
@pytest.mark.skipif(
    torch.__version__ != TORCH or processor() != PROCESSOR,
    reason=f"the bits are known for torch {TORCH} on {PROCESSOR}; this is torch {torch.__version__} on {processor()}",
)
@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize("steps_per_execution", [1, "auto"])
def test_the_bits_of_200_steps(name, steps_per_execution, two_threads, tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)
    quiet = {"logger": False, "enable_progress_bar": False, "enable_checkpointing": False, "accelerator": "cpu"}
    session = prepare(
        config=ROOT / "configs" / f"{name}.yaml",
        seed_everything=0,
        trainer={"max_steps": 200, **quiet},
        data={"steps_per_execution": steps_per_execution},
    )
    session.execute()
    digest = hashlib.sha256()
    for parameter in session.model.mlp.parameters():
        digest.update(parameter.detach().contiguous().numpy().tobytes())
    assert digest.hexdigest() == PARAMETERS[name]
