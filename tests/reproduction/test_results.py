import json
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest

from mnist_mlp.reproduction.results import Results, Run, digest

RUN = Run({"test/acc": [0.5, 0.9, 0.8, 0.85], "val/acc": [0.4, 0.6, 0.7, 0.7]}, 60.0)


def test_what_two_commands_add_is_kept(tiny, runs_in):
    def add(seeds):
        kept = Results(Path("kept.json"), Path("configs/published"))
        for seed in seeds:
            kept.add("tiny", digest(tiny), seed, RUN)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(add, (range(50), range(50, 100))))
    assert list(runs_in("kept.json")) == list(range(100))


def test_a_line_that_was_not_written_to_its_end_gives_way(tiny, runs_in):
    kept = Results(Path("kept.json"), Path("configs/published"))
    kept.add("tiny", digest(tiny), 0, RUN)
    whole = Path("kept.json").read_bytes()
    for half in (whole[:-1], whole[:1], whole[: len(whole) // 2]):
        Path("kept.json").write_bytes(whole + half)
        again = Results(Path("kept.json"), Path("configs/published"))
        assert list(again.runs("tiny")) == [0]
        again.add("tiny", digest(tiny), 1, RUN)
        assert list(runs_in("kept.json")) == [0, 1]
        assert len(Path("kept.json").read_text().splitlines()) == 2
    Path("kept.json").write_bytes(whole[:20])
    Results(Path("kept.json"), Path("configs/published")).add("tiny", digest(tiny), 2, RUN)
    assert list(runs_in("kept.json")) == [2]


@pytest.mark.parametrize("size", [0, 100], ids=["nothing fits", "a part fits"])
def test_a_full_disk_leaves_what_was_there(tiny, runs_in, monkeypatch, size):
    kept = Results(Path("kept.json"), Path("configs/published"))
    kept.add("tiny", digest(tiny), 0, RUN)
    before = Path("kept.json").read_bytes()
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + size, hard))
    try:
        with pytest.raises(OSError, match=r"File too large|No space left"):
            kept.add("tiny", digest(tiny), 1, RUN)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert Path("kept.json").read_bytes() == before
    kept.add("tiny", digest(tiny), 1, RUN)
    assert list(runs_in("kept.json")) == [0, 1]


def document(tiny):
    """The file as it was written in former times."""
    return json.dumps({"rows": {"tiny": {"config": digest(tiny), "seeds": {"0": asdict(RUN), "3": asdict(RUN)}}}})


def test_a_file_of_former_times_is_read_and_becomes_lines_at_once(tiny, runs_in, monkeypatch):
    Path("kept.json").write_text(document(tiny))
    assert list(runs_in("kept.json")) == [0, 3]
    kept = Results(Path("kept.json"), Path("configs/published"))

    def interrupt(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as interrupted:
        interrupted.setattr("os.replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            kept.add("tiny", digest(tiny), 1, RUN)
    assert Path("kept.json").read_text() == document(tiny)
    kept.add("tiny", digest(tiny), 1, RUN)
    assert runs_in("kept.json") == {0: RUN, 1: RUN, 3: RUN}
    assert len(Path("kept.json").read_text().splitlines()) == 3


def test_runs_of_other_settings_are_kept_beside(tiny, runs_in):
    kept = Results(Path("kept.json"), Path("configs/published"))
    kept.add("tiny", "other settings", 0, RUN)
    kept.add("tiny", digest(tiny), 1, RUN)
    assert list(runs_in("kept.json")) == list(kept.runs("tiny")) == [1]


def test_numbers_that_no_training_gives_are_not_kept(tiny):
    kept = Results(Path("kept.json"), Path("configs/published"))
    with pytest.raises(ValueError, match="finite"):
        kept.add("tiny", digest(tiny), 0, Run({"test/cost": [float("inf")]}, 1.0))
    assert not Path("kept.json").exists()


def test_a_run_that_lacks_what_is_measured_now_does_not_count(tiny):
    kept = Results(Path("kept.json"), Path("configs/published"))
    kept.add("tiny", digest(tiny), 0, Run({"test/acc": [0.5]}, 1.0))
    assert kept.runs("tiny") == {}


def test_the_digest_is_of_the_settings(tmp_path):
    for name, content in (("one", "a: {b: 1, c: 2}"), ("same", "# why\na:\n  c: 2\n  b: 1\n"), ("other", "a: {b: 1}")):
        (tmp_path / name).write_text(content)
    one, same, other = (digest(tmp_path / name) for name in ("one", "same", "other"))
    assert one == same != other


GOOD = {"series": {"test/acc": [0.5, 0.9], "val/acc": [0.5, 0.6], "test/loss": [0.7, 0.3]}, "seconds": 1.0}


@pytest.mark.parametrize(
    "bad",
    [
        {"series": {"test/acc": [0.5, 7.5]}, "seconds": 1.0},
        {"series": {"test/acc": [0.5, -0.1]}, "seconds": 1.0},
        {"series": {"test/acc": [0.5, float("nan")]}, "seconds": 1.0},
        {"series": {"test/acc": [0.5], "test/loss": [float("inf")]}, "seconds": 1.0},
        {"series": {"test/acc": [0.5, 0.6], "test/loss": [0.5]}, "seconds": 1.0},
        {"series": {"test/acc": []}, "seconds": 1.0},
        {"series": {}, "seconds": 1.0},
        {"series": {"test/acc": ["0.5"]}, "seconds": 1.0},
        {"series": {"test/acc": 0.5}, "seconds": 1.0},
        {**GOOD, "seconds": float("nan")},
        {**GOOD, "seconds": -1},
    ],
)
def test_numbers_that_no_training_gives_are_refused(tiny, runs_in, bad):
    for run in (GOOD, bad):
        Path("kept.json").write_text(json.dumps({"rows": {"tiny": {"config": digest(tiny), "seeds": {"0": run}}}}))
        if run is bad:
            with pytest.raises(ValueError, match=r"^kept\.json does not hold results of mnist-mlp reproduce"):
                Results(Path("kept.json"), Path("configs/published"))
        else:
            assert list(runs_in("kept.json")) == [0]


@pytest.mark.parametrize("content", [b"model: [", b"when: 2024-01-01", b"\xff\xfe", b"[" * 5000])
def test_a_configuration_that_holds_no_settings_is_named(tmp_path, content):
    path = tmp_path / "some.yaml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"^Problems parsing config {re.escape(str(path))}: ."):
        digest(path)


def test_results_that_are_no_text_are_refused(tiny):
    path = tiny.parent / "results.json"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=rf"^{re.escape(str(path))} does not hold results .*; name another file"):
        Results(path, tiny.parent)


def test_deep_nesting_is_refused(tiny):
    Path("kept.json").write_text("[" * 200_000)
    with pytest.raises(ValueError, match=r"^kept\.json does not hold results"):
        Results(Path("kept.json"), Path("configs/published"))
