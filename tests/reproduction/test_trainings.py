import re
import threading
from concurrent.futures import BrokenExecutor, Executor, Future
from pathlib import Path

import pytest
from rich.console import Console

from mnist_mlp.data.module import prepare_data
from mnist_mlp.reproduction.results import Results, Run
from mnist_mlp.reproduction.trainings import train

RUN = Run({"test/acc": [0.5, 0.9], "val/acc": [0.4, 0.6]}, 60.0)


class Answers(Executor):
    """Gives one answer after another, whatever the jobs are."""

    def __init__(self, *answers):
        self.answers = iter(answers)

    def submit(self, *args, **kwargs):
        future = Future()
        answer = next(self.answers)
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
        return future


@pytest.fixture
def kept(tiny):
    return Results(Path("kept.json"), Path("configs/published"))


def test_rows_that_failed_are_named_and_what_was_trained_is_kept(job_of, kept):
    printed = Console(record=True, width=200)
    answers = Answers(({0: RUN, 2: RUN}, "it diverged"))
    assert train([job_of((0, 1, 2))], answers, kept, printed) == {"tiny"}
    assert "tiny, seeds 1: it diverged" in printed.export_text()
    assert list(kept.runs("tiny")) == [0, 2]


def test_a_job_that_fails_is_said_in_one_sentence_and_the_others_go_on(job_of, kept):
    printed = Console(record=True, width=200)
    answers = Answers(OSError(28, "No space left on device", "last.ckpt"), ({1: RUN}, ""))
    assert train([job_of((0,)), job_of((1,))], answers, kept, printed) == {"tiny"}
    assert "tiny, seeds 0: OSError: no space is left for last.ckpt; make room" in printed.export_text()
    assert list(kept.runs("tiny")) == [1]


def test_what_was_trained_is_kept_where_the_executor_breaks(job_of, kept, runs_in):
    done, lost = Future(), Future()
    done.set_result(({0: RUN}, ""))

    class Broken(Executor):
        """It is lost once the first job is done."""

        def submit(self, run, *args, **kwargs):
            if run.__self__.seeds == (0,):
                return done
            threading.Timer(1, lost.set_exception, [BrokenExecutor("gone")]).start()
            return lost

    with pytest.raises(BrokenExecutor, match="gone"):
        train([job_of((0,)), job_of((1,))], Broken(), kept, Console(record=True))
    assert list(runs_in("kept.json")) == [0]


def test_data_that_is_nowhere_is_one_sentence(tmp_path, offline):
    prepare_data({("digits", None)})
    with pytest.raises(ConnectionError, match=re.escape(f"mnist is not in {tmp_path}")):
        prepare_data({("mnist", str(tmp_path))})
