"""A sweep that is killed at any moment, and goes on, is a sweep that was never killed, but for what it draws."""

import os
import subprocess
import sys
import time
from pathlib import Path

import yaml

from mnist_mlp.sweep.search import read_search
from mnist_mlp.sweep.study import SharedStudy

STUDY = Path("logs/small/study.journal")
SWEEP = [sys.executable, "-m", "mnist_mlp", "sweep", "small.yaml", "--trials=3", "--workers=2"]


def finished(config):
    """The numbers of the trials that have ended, without taking part."""
    if not STUDY.exists() or not STUDY.stat().st_size:
        return []
    return [trial.number for trial in SharedStudy(STUDY, read_search(config), 0).ended()]


def test_a_killed_sweep_goes_on_and_loses_nothing(config):
    config.write_text(config.read_text().replace("max_epochs: 3", "max_epochs: 30"))
    process = subprocess.Popen(SWEEP, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while not (before := finished(config)):
        assert process.poll() is None
        time.sleep(0.2)
    process.kill()
    process.communicate()
    for part in STUDY.parent.glob(".*.part"):  # the kill may have come while a file was written
        os.utime(part, (0, 0))

    done = subprocess.run(SWEEP, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    after = finished(config)
    assert len(after) == 3
    assert set(before) <= set(after)
    with SharedStudy(STUDY, read_search(config), 0) as study:
        stopped = [trial for trial in study.study.trials if "abandoned" in trial.user_attrs]
        ended = [trial.params for trial in study.ended()]
        assert stopped
        assert all(trial.params in ended for trial in stopped)  # they were trained again
        assert study.ask(3) is None
    assert yaml.safe_load((STUDY.parent / "small-best.yaml").read_text())["trainer"]["max_epochs"] == 30
    assert {f"trial_{number}" for number in after} == {path.name for path in STUDY.parent.glob("trial_*")}
    assert [name for name in os.listdir(STUDY.parent) if name.startswith(".")] == []
