"""The settings of a run that is continued: from its config.yaml, or from its checkpoint, whatever became of either."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml
from jsonargparse import Namespace
from lightning.pytorch.callbacks import ModelCheckpoint

from mnist_mlp.cli import main
from mnist_mlp.fit import prepare
from mnist_mlp.fit.run_config import END, differences, text_of

OLD = Path(__file__).parent.parent / "old_run" / "small" / "version_0"
SETTINGS = {
    "model": {"hidden_sizes": [4], "dropout": 0.1, "optimizer": {"class_path": "SGD", "init_args": {"lr": 0.3}}},
    "data": {"dataset": "digits", "val_size": 300, "batch_size": 100},
    "dashboard": {"enabled": False},
    "name": "small",
}
QUIET = {"accelerator": "cpu", "enable_progress_bar": False}
FOLDER = Path("logs/small/version_0")


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)


def fit(epochs, **settings):
    session = prepare("fit", **{**SETTINGS, **settings}, trainer={**QUIET, "max_epochs": epochs})
    session.execute()
    return session


def go_on(epochs, path="last", *typed):
    main(["fit", f"--ckpt_path={path}", f"--trainer.max_epochs={epochs}", *typed])


def weights(folder=FOLDER):
    state = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    return {name: value for name, value in state.items() if name.startswith("mlp.")}


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[name], value) for name, value in right.items())


@pytest.fixture
def three_epochs():
    """The weights after three epochs without a stop; the run of two epochs lies in its folder."""
    fit(3, name="whole")
    fit(2)
    return weights(Path("logs/whole/version_0"))


@pytest.mark.parametrize("name", ["other", "small"])
def test_a_run_that_is_renamed_or_moved_is_continued_in_its_folder(three_epochs, name):
    moved = Path("elsewhere") / name
    shutil.move(FOLDER, moved)
    go_on(3, moved / "checkpoints" / "last.ckpt")
    assert same(weights(moved), three_epochs)
    assert not list(Path("logs/small").iterdir())
    assert yaml.safe_load((moved / "config.yaml").read_text())["trainer"]["max_epochs"] == 3


def test_a_lone_checkpoint_is_continued_in_a_new_run(three_epochs, capsys):
    shutil.copy(FOLDER / "checkpoints" / "last.ckpt", "lone.ckpt")
    shutil.rmtree("logs")
    go_on(3, "lone.ckpt")
    assert same(weights(), three_epochs)
    assert f"{FOLDER}/checkpoints/best.ckpt is not there: the best of the epochs that follow" in capsys.readouterr().out
    assert (FOLDER / "checkpoints" / "best.ckpt").exists()


@pytest.mark.parametrize("part", [0, 0.5, "gone", "lines"])
def test_a_part_of_the_settings_does_not_count(three_epochs, part):
    config, before = FOLDER / "config.yaml", Path("before")
    whole = config.read_text()
    shutil.copytree(FOLDER, before)
    lines = whole.splitlines(keepends=True)
    if part == "gone":
        config.unlink()
    cuts = range(3, len(lines), 25) if part == "lines" else [None]
    for cut in cuts:
        shutil.rmtree(FOLDER)
        shutil.copytree(before, FOLDER)
        if part == "gone":
            config.unlink()
        else:
            config.write_text("".join(lines[:cut]) if cut else whole[: int(len(whole) * part)])
        go_on(3)
        assert same(weights(), three_epochs)
        assert config.read_text() == whole.replace("max_epochs: 2", "max_epochs: 3")


def test_a_part_of_an_older_runs_settings_is_refused():
    shutil.copytree(OLD, FOLDER)
    lines = (OLD / "config.yaml").read_text().splitlines(keepends=True)
    for cut in (0, 2, 40, 78, 100, len(lines) - 1):
        (FOLDER / "config.yaml").write_text("".join(lines[:cut]))
        with pytest.raises(SystemExit, match=r"config.yaml is damaged \(.*\); write it anew, or give --config"):
            go_on(4)


def test_a_settings_file_with_a_damaged_name_is_named():
    fit(1)
    config = FOLDER / "config.yaml"
    config.write_text(config.read_text().replace("deterministic", "determ)nistic"))
    with pytest.raises(SystemExit, match=rf"error: {config}: Group 'trainer' does not accept option 'determ\)nistic'"):
        go_on(2)
    config.write_text(config.read_text().replace("determ)nistic", "deterministic"))
    with pytest.raises(SystemExit, match=r"error: unrecognized arguments: --model\.l3=1; did you mean model\.l[12]\?"):
        go_on(2, "last", "--model.l3=1")


def test_a_kill_while_the_settings_are_written_leaves_the_old_ones(monkeypatch):
    fit(1)
    before = (FOLDER / "config.yaml").read_text()
    monkeypatch.setattr(os, "replace", lambda *paths: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(SystemExit):
        go_on(2)
    assert (FOLDER / "config.yaml").read_text() == before


def test_what_was_changed_by_hand_counts_and_is_said(capsys):
    fit(1)
    config = FOLDER / "config.yaml"
    config.write_text(config.read_text().replace("lr: 0.3", "lr: 0.2"))
    capsys.readouterr()
    go_on(2)
    said = (
        "continued with other settings than before: trainer.max_epochs 2, not 1; model.optimizer.init_args.lr 0.2, not"
    )
    assert f"{said} 0.3\n" in capsys.readouterr().out
    capsys.readouterr()
    go_on(3)
    assert "trainer.max_epochs 3, not 2\n" in capsys.readouterr().out


def test_nothing_is_said_where_nothing_differs(capsys):
    fit(1)
    capsys.readouterr()
    go_on(1)
    assert "other settings" not in capsys.readouterr().out


def test_settings_that_differ():
    before = {"a": 1, "b": {"c": None, "d": [1]}, "e": {"class_path": "x.SGD", "init_args": {"lr": 1}}, "f": False}
    now = {"a": 1, "b": {"c": 2, "d": [1]}, "e": {"class_path": "x.Adam", "init_args": {"lr": 1}}, "f": True, "g": 1}
    assert [*differences(before, now)] == ["b.c 2, not null", "e Adam, not SGD", "f true, not false"]
    assert [*differences(before, before)] == []


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("typed", ["--data.val_size=200", "--data.dataset=other.npz"])
def test_other_validation_images_under_the_old_best_score_are_refused(typed, older, tmp_path):
    from data_files import arrays, write_npz

    write_npz(tmp_path / "other.npz", arrays(1437), arrays(30))
    fit(1)
    if older:
        for path in (FOLDER / "checkpoints").iterdir():
            stored = torch.load(path, weights_only=True)
            del stored["validation_images"]
            torch.save(stored, path)
    config = (FOLDER / "config.yaml").read_text()
    with pytest.raises(SystemExit, match=r"is of other validation images than those of .* now; continue with the data"):
        go_on(2, "last", typed)
    assert (FOLDER / "config.yaml").read_text() == config
    go_on(2)


def test_the_same_images_from_another_place_are_the_same():
    fit(1)
    Path("data").mkdir()
    go_on(2, "last", "--data.data_dir=data")


def test_what_yaml_lacks_is_left_out():
    text = "a: 1\nb: [Unable to serialize instance len, 2]\nc:\n  d: Unable to serialize instance x\n  e: 3\n"
    parser: Any = SimpleNamespace(dump=lambda config, skip_none: text)
    written = text_of(parser, Namespace(trust=True))
    assert yaml.safe_load(written) == {"a": 1, "b": [2], "c": {"e": 3}}
    assert written.endswith(END)


def test_settings_that_cannot_be_written_are_left_out():
    swa = {"class_path": "StochasticWeightAveraging", "init_args": {"swa_lrs": 0.05}}
    session = prepare("fit", **SETTINGS, trainer={**QUIET, "max_epochs": 2, "callbacks": [swa]})
    session.execute()
    text = (FOLDER / "config.yaml").read_text()
    assert "serialize" not in text
    assert yaml.safe_load(text)["trainer"]["callbacks"][0]["init_args"]["device"] == "cpu"
    go_on(4)
    callbacks = yaml.safe_load((FOLDER / "config.yaml").read_text())["trainer"]["callbacks"]
    assert [callback["class_path"].rpartition(".")[2] for callback in callbacks] == ["StochasticWeightAveraging"]


@pytest.mark.parametrize(
    "init_args",
    [{}, {"monitor": "val/acc", "mode": "max"}, {"dirpath": "mine"}, {"every_n_train_steps": 4, "filename": "mid"}],
)
def test_a_checkpoint_callback_of_ones_own_changes_nothing_for_the_run(init_args, capsys):
    own = {"class_path": "lightning.pytorch.callbacks.ModelCheckpoint", "init_args": init_args}
    session = prepare("fit", **SETTINGS, trainer={**QUIET, "max_epochs": 2, "callbacks": [own]})
    session.execute()
    assert (FOLDER / "config.yaml").exists()
    assert not Path("config.yaml").exists()
    best, where = capsys.readouterr().out.splitlines()[-2:]
    assert best.startswith("best val/acc ")
    assert f"{FOLDER}/checkpoints/best.ckpt" in where
    (first,) = [each for each in session.trainer.checkpoint_callbacks if type(each) is ModelCheckpoint]
    assert Path(first.best_model_path or first.last_model_path).exists()
    go_on(3)
    stored = torch.load(FOLDER / "checkpoints" / "last.ckpt", weights_only=True)
    assert stored["epoch"] == 2


def test_a_run_without_a_score_in_its_first_epoch_keeps_the_best_that_follows(capfd):
    trainer = {**QUIET, "max_epochs": 4, "check_val_every_n_epoch": 2}
    prepare("fit", **SETTINGS, trainer=trainer).execute()
    assert not capfd.readouterr().err  # Lightning would miss the score
    assert torch.load(FOLDER / "checkpoints" / "best.ckpt", weights_only=True)["epoch"] in (1, 3)


def test_a_continued_run_knows_the_last_score_that_was_kept():
    slow = {**SETTINGS["model"], "optimizer": {"class_path": "SGD", "init_args": {"lr": 1e-9}}}  # so none is better
    fit(3, model=slow, name="whole")
    fit(2, model=slow)
    go_on(3)
    kept = []
    for name in ("whole", "small"):
        states = torch.load(f"logs/{name}/version_0/checkpoints/last.ckpt", weights_only=True)["callbacks"]
        kept.append([state["current_score"] for state in states.values() if state.get("monitor")])
    assert kept[0] == kept[1] != [None]


def test_members_of_an_enum_are_written_as_their_values():
    timer = {"class_path": "lightning.pytorch.callbacks.Timer", "init_args": {"duration": "00:01:00:00"}}
    settings = {"model": {"hidden_sizes": [3]}, "data": {"dataset": "digits", "val_size": 300}, "name": "timed"}
    trainer = {"accelerator": "cpu", "enable_progress_bar": False, "callbacks": [timer]}
    prepare("fit", trainer={**trainer, "max_epochs": 1}, **settings).execute()
    assert "interval: step" in Path("logs/timed/version_0/config.yaml").read_text()
    prepare("fit", ckpt_path="last", name="timed", trainer={"max_epochs": 2, "enable_progress_bar": False}).execute()
