import re
from pathlib import Path

from mnist_mlp.console.percent import percent

ROOT = Path(__file__).parents[2]


def test_a_share_is_written_with_two_decimals_and_a_space():
    assert percent(0.984) == "98.40 %"
    assert percent(1) == "100.00 %"
    assert percent(0.0712, 0) == "7 %"


def test_no_share_is_formatted_without_the_space():
    files = [path for folder in ("mnist_mlp", "scripts") for path in (ROOT / folder).rglob("*.py")]
    without = [path for path in files if re.search(r"\{[^{}\n]*:[^{}\n]*%\}", path.read_text(encoding="utf-8"))]
    assert len(files) > 100
    assert without == []
