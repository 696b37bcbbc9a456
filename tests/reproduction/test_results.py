import json
from concurrent.futures import ThreadPoolExecutor
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


def test_results_are_replaced_at_once(tiny, monkeypatch):
    kept = Results(Path("kept.json"), Path("configs/published"))
    kept.add("tiny", digest(tiny), 0, RUN)
    before = Path("kept.json").read_text()
    assert json.loads(before)["rows"]["tiny"]["seeds"]["0"]["seconds"] == 60

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        kept.add("tiny", digest(tiny), 1, RUN)
    assert Path("kept.json").read_text() == before


def test_a_run_that_lacks_what_is_measured_now_does_not_count(tiny):
    kept = Results(Path("kept.json"), Path("configs/published"))
    kept.add("tiny", digest(tiny), 0, Run({"test/acc": [0.5]}, 1.0))
    assert kept.runs("tiny") == {}


def test_the_digest_is_of_the_settings(tmp_path):
    for name, content in (("one", "a: {b: 1, c: 2}"), ("same", "# why\na:\n  c: 2\n  b: 1\n"), ("other", "a: {b: 1}")):
        (tmp_path / name).write_text(content)
    one, same, other = (digest(tmp_path / name) for name in ("one", "same", "other"))
    assert one == same != other


GOOD = {"series": {"test/acc": [0.5, 0.9], "test/loss": [0.7, 0.3]}, "seconds": 1.0}


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
def test_numbers_that_no_training_gives_are_refused(tiny, bad):
    for run in (GOOD, bad):
        Path("kept.json").write_text(json.dumps({"rows": {"tiny": {"config": digest(tiny), "seeds": {"0": run}}}}))
        if run is bad:
            with pytest.raises(ValueError, match=r"^kept\.json does not hold results of mnist-mlp reproduce"):
                Results(Path("kept.json"), Path("configs/published"))
        else:
            assert Results(Path("kept.json"), Path("configs/published")).rows["tiny"]


def test_deep_nesting_is_refused(tiny):
    Path("kept.json").write_text("[" * 200_000)
    with pytest.raises(ValueError, match=r"^kept\.json does not hold results"):
        Results(Path("kept.json"), Path("configs/published"))
