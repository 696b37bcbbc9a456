"""What the tests of this folder share: a budget, a seed, quick commands, and counts that stand at the end.

    python -m pytest -m slow tests/reliability

`MNIST_MLP_BUDGET` says for how many minutes each test tries, by default 2, and `MNIST_MLP_SEED` from which number all
is drawn. `MNIST_MLP_TRIAL` tries one alone, such as that of a finding.
"""

import os
import random
import time
from collections import Counter
from itertools import count

import pytest
from reliability.commands import Commands

BUDGET = float(os.environ.get("MNIST_MLP_BUDGET", "2"))
SEED = int(os.environ.get("MNIST_MLP_SEED", "0"))
SHOWN = 40  # findings
LINES = pytest.StashKey[list[str]]()


class Trials:
    """The trials of one test.

    Attributes:
        counts: How many ended in which way.
        findings: What should not have been, with the number of its trial.
    """

    def __init__(self):
        self.counts = Counter()
        self.findings = []
        self.number = 0
        self._end = time.monotonic() + 60 * BUDGET

    @property
    def over(self):
        """Whether the budget is spent."""
        return time.monotonic() > self._end

    def __iter__(self):
        """Random numbers for each trial, until the budget is spent."""
        only = os.environ.get("MNIST_MLP_TRIAL")
        for self.number in [int(only)] if only else count():
            if self.over:
                return
            yield random.Random(f"{SEED} {self.number}")

    def check(self, holds, *what):
        """Note a finding where something does not hold; whether it does."""
        if not holds:
            self.findings.append("\n    ".join([f"trial {self.number}:", *map(str, what)]))
        return holds

    def end(self):
        """Fail where there are findings."""
        assert not self.findings, "\n".join(self.findings[:SHOWN])


@pytest.fixture
def trials(request):
    """Those of a test; their counts stand at the end of all."""
    config = request.config
    tried = Trials()
    yield tried
    ends = ", ".join(f"{number:,} {end}" for end, number in tried.counts.items())
    line = f"{request.node.name.removeprefix('test_')}: {ends}; {len(tried.findings):,} findings (seed {SEED})"
    config.stash.setdefault(LINES, []).append(line)


def pytest_terminal_summary(terminalreporter, config):
    if lines := config.stash.get(LINES, []):
        terminalreporter.section("reliability")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def commands():
    """Runs `mnist-mlp` in processes of its own."""
    running = Commands()
    yield running
    running.end()
