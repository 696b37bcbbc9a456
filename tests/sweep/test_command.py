import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from mnist_mlp.cli import main
from mnist_mlp.fit import prepare
from mnist_mlp.sweep.job import TrialJob
from mnist_mlp.sweep.search import read_search
from mnist_mlp.sweep.study import SharedStudy
from mnist_mlp.sweep.sweep import sweep

FOLDER = Path("logs/small")
BEST, STUDY, PICTURE = FOLDER / "small-best.yaml", FOLDER / "study.journal", FOLDER / "sweep.png"


def refused(capsys, *args):
    """The sentence that the command line is refused with."""
    with pytest.raises(SystemExit) as stop:
        main(["sweep", *map(str, args)])
    err = str(stop.value.code) if isinstance(stop.value.code, str) else capsys.readouterr().err
    assert "Traceback" not in err
    return err


def trials_of(config, study=STUDY):
    """All trials that have ended."""
    return SharedStudy(study, read_search(config), 0).ended()


def hyper_parameters(run):
    """What TensorBoard's HParams has of a run: its settings, and the last value of each metric."""
    events = EventAccumulator(str(run))
    events.Reload()
    data = cast(Any, plugin_data_pb2).HParamsPluginData.FromString
    start = data(events.summary_metadata["_hparams_/session_start_info"].plugin_data.content).session_start_info
    experiment = data(events.summary_metadata["_hparams_/experiment"].plugin_data.content).experiment
    settings = {name: getattr(value, value.WhichOneof("kind")) for name, value in dict(start.hparams).items()}
    return settings, {info.name.tag: events.Scalars(info.name.tag)[-1].value for info in experiment.metric_infos}


def test_a_sweep_from_its_start_to_the_training_of_its_best_settings(options, same_process, capsys):
    assert sweep(options()) == 0
    out = capsys.readouterr().out
    trained = same_process.trials
    assert len(trained) == 3
    assert all(f"trial {number}: " in out for number in trained)
    assert f"mnist-mlp fit --config {BEST}" in out
    assert PICTURE.read_bytes().startswith(b"\x89PNG")

    best = max(trials_of(options().config), key=lambda trial: trial.value or 0)
    settings = yaml.safe_load(BEST.read_text())
    assert settings["model"] == trained[best.number]["model"]
    assert re.findall(r"^ *(\d+) +[\d.]+ % ", out, flags=re.MULTILINE)[0] == str(
        best.number
    )  # the table begins with it
    assert settings["trainer"] == {"max_epochs": 3, "accelerator": "cpu"}
    session: Any = prepare("fit", BEST, trainer={"enable_progress_bar": False})
    session.execute()
    accuracy = session.trainer.checkpoint_callback.best_model_score.item()
    assert accuracy == best.value
    header = BEST.read_text().split("\nmodel:")[0]
    assert all(line.startswith("# ") for line in header.splitlines())
    assert f"read {100 * accuracy:.2f} % right after epoch " in header
    assert "in 3 trials (0 given up early, 0 failed), seed 0" in header
    assert f"# Command:  mnist-mlp fit --config {BEST}" in header
    assert session.config.name == "small-best"


def test_tensorboard_has_a_run_of_each_trial(options, same_process):
    sweep(options())
    accuracies = {trial.number: trial.value for trial in trials_of(options().config)}
    for number, trained in same_process.trials.items():
        settings, metrics = hyper_parameters(FOLDER / f"trial_{number}")
        optimizer = trained["model"]["optimizer"]["init_args"]
        assert settings["model.optimizer.lr"] == optimizer["lr"]
        assert settings["model.optimizer.momentum"] == optimizer["momentum"]
        assert settings["model.hidden_sizes.width"] == trained["model"]["hidden_sizes"][0]
        assert metrics == {"val/best_acc": pytest.approx(accuracies[number])}


def test_the_same_command_trains_nothing_twice(options, same_process, capsys):
    sweep(options(trials=2))
    before = BEST.read_text()
    sweep(options(trials=2))
    assert len(same_process.jobs) == 2
    assert BEST.read_text() == before
    sweep(options(trials=3))
    assert [list(job.trials) for job in same_process.jobs] == [[0], [1], [2]]


def test_a_run_that_is_missing_is_written_again(options, same_process):
    sweep(options(trials=2))
    run = FOLDER / "trial_1"
    (events,) = run.iterdir()
    events.unlink()
    run.rmdir()
    left = FOLDER / ".trial_1.00.part"  # by a kill while it was written
    left.mkdir()
    (left / events.name).touch()
    os.utime(left, (0, 0))
    sweep(options(trials=2))
    assert "val/best_acc" in hyper_parameters(run)[1]
    assert [path.name for path in FOLDER.iterdir() if path.suffix == ".part"] == []


def test_a_worker_writes_its_accuracies_before_the_trial_ends(options, same_process, monkeypatch):
    tell, written = SharedStudy.tell, []

    def note_and_tell(study, trial, outcome):
        written.append(study.frozen(trial.number).intermediate_values == outcome.curve)
        tell(study, trial, outcome)

    monkeypatch.setattr(SharedStudy, "tell", note_and_tell)
    sweep(options(trials=2))
    assert written == [True, True]


def test_the_runs_of_another_search_give_way(options, same_process):
    sweep(options(trials=2))
    before = hyper_parameters(FOLDER / "trial_1")
    text = options().config.read_text()
    options().config.write_text(text.replace("max_epochs: 3", "max_epochs: 2"))
    sweep(options(trials=2, study=Path("other.journal")))
    (trial,) = (each for each in trials_of(options().config, Path("other.journal")) if each.number == 1)
    after = hyper_parameters(FOLDER / "trial_1")
    assert after[1] == {"val/best_acc": pytest.approx(trial.value)} != before[1]


def test_the_same_seed_finds_the_same_settings(options, same_process):
    sweep(options())
    sweep(options(study=Path("other.journal")))
    drawn = [job.trials[number]["model"] for job, number in zip(same_process.jobs, (0, 1, 2, 0, 1, 2), strict=True)]
    assert drawn[:3] == drawn[3:]


@pytest.fixture
def of_numbers(config):
    """Let the search be one for numbers only."""
    shape = re.search(r"  model.hidden_sizes: .*\n", config.read_text())
    assert shape
    text = config.read_text().replace(shape[0], "  model.l2: {low: 0.0, high: 1.0}\n")
    config.write_text(text.replace("  activation: relu", "  hidden_sizes: [8]\n  activation: relu"))


def test_small_networks_that_differ_in_numbers_are_trained_at_once(of_numbers, options, same_process, monkeypatch):
    monkeypatch.setattr("mnist_mlp.sweep.sweep.AT_ONCE", 3)
    assert sweep(options(trials=5)) == 0
    assert [list(job.trials) for job in same_process.jobs] == [[0, 1, 2], [3, 4]]
    trials = trials_of(options().config)
    at_once = {trial.number: trial.intermediate_values for trial in trials}
    assert len(at_once) == 5
    assert all(trial.value in (None, max(trial.intermediate_values.values())) for trial in trials)
    for number, settings in same_process.trials.items():
        (alone,) = TrialJob({number: settings}, Path("none.journal"), "", Path("no.lock"), None).run()
        so_far = {epoch: alone.curve[epoch] for epoch in at_once[number]}
        assert at_once[number] == pytest.approx(so_far, abs=0.011)


def test_towards_the_end_trials_are_shared_out(of_numbers, options, same_process):
    sweep(options(trials=11, workers=2))
    assert [len(job.trials) for job in same_process.jobs] == [6, 3, 1, 1]


def test_networks_at_once_that_fail_say_so_each(of_numbers, options, config, same_process):
    config.write_text(config.read_text().replace("train_size: 320", "train_size: 31"))
    with pytest.raises(ValueError, match="all 5 trials failed, the last one with: batch_size must be at most the 31"):
        sweep(options(trials=5))


def test_a_budget_that_is_over_says_how_to_go_on(options, same_process, capsys):
    sweep(options(trials=2))
    assert sweep(options(trials=99, budget=1e-6)) == 1
    assert "2 of 99 trials have ended; the same command goes on" in " ".join(capsys.readouterr().out.split())
    assert len(same_process.jobs) == 2


def test_a_budget_that_lets_nothing_end(options, same_process):
    with pytest.raises(ValueError, match="none of 0 trials was trained to its end; raise --budget or --trials"):
        sweep(options(budget=1e-6))


def test_a_sweep_of_failures_ends_with_their_sentence(options, config, same_process):
    config.write_text(config.read_text().replace("batch_size: 32", "batch_size: 321"))
    with pytest.raises(ValueError, match="all 3 trials failed, the last one with: batch_size must be at most the 320"):
        sweep(options(trials=9))
    assert not BEST.exists()


def test_a_file_of_mine_is_not_replaced(options, same_process):
    BEST.parent.mkdir(parents=True)
    BEST.write_text("model: {}\n")
    with pytest.raises(ValueError, match=r"small-best.yaml would be replaced .* and is not a sweep's; move it away"):
        sweep(options())
    assert BEST.read_text() == "model: {}\n"
    assert same_process.jobs == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--trials=0"], "trials must be at least 1; got 0"),
        (["--trials=-3"], "trials must be at least 1; got -3"),
        (["--trials=many"], "invalid int value: 'many'"),
        (["--workers=0"], "workers must be at least 1; got 0"),
        (["--budget=0"], "budget must be more than 0 minutes; got 0"),
        (["--budget=nan"], "budget must be more than 0 minutes; got nan"),
        (["--study=missing/study.journal"], "--study must name a file that can be written; got missing/study.journal"),
        (["--study=small.yaml"], "small.yaml is no study of mnist-mlp sweep, or it is damaged"),
        (["--studdy=x"], "unrecognized arguments: --studdy=x"),
    ],
)
def test_options_that_make_no_sense(config, capsys, arguments, sentence):
    before = config.read_text()
    assert sentence in refused(capsys, config, *arguments)
    assert config.read_text() == before


def test_a_configuration_without_a_search(config, capsys):
    config.write_text(config.read_text().split("search:")[0])
    assert "small.yaml must have a section search:" in refused(capsys, config)


def test_without_optuna(config, capsys, monkeypatch):
    monkeypatch.setattr("mnist_mlp.sweep.command.find_spec", lambda name: None)
    assert "a sweep needs Optuna, which is not installed: pip install 'mnist-mlp[sweep]'" in refused(capsys, config)


def test_the_command_is_read_without_optuna():
    code = "import sys, mnist_mlp.sweep.command; assert 'optuna' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_configuration_that_comes_with_the_package_is_found_by_its_name(monkeypatch):
    pytest.importorskip("matplotlib")
    given = []
    monkeypatch.setattr("mnist_mlp.sweep.sweep.sweep", lambda options: given.append(options.config) or 0)
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["sweep", "sweep-nielsen"])
    assert given == [Path(__file__).parents[2] / "configs" / "sweep-nielsen.yaml"]


def test_a_configuration_that_there_is_not_is_refused(capsys):
    assert "File does not exist: 'sweep-nielson'; did you mean sweep-nielsen?" in refused(capsys, "sweep-nielson")
