import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lightning.pytorch.utilities import rank_zero_only

from mnist_mlp.fit.checkpoint_files import SafeCheckpointIO
from mnist_mlp.fit.run_folder import NewRun, claim_version, find_checkpoint, old_run, run_folder


def test_two_runs_never_claim_one_folder(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(lambda _: claim_version(tmp_path / "runs"), range(40)))
    assert sorted(versions) == list(range(40))


def test_only_the_first_process_claims(tmp_path, monkeypatch):
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    assert claim_version(tmp_path / "runs") == 0
    assert not (tmp_path / "runs").exists()


def test_a_new_run_claims_its_folder_when_it_is_asked_for(tmp_path):
    first, second = NewRun(tmp_path, "mine"), NewRun(tmp_path, "mine")
    assert not (tmp_path / "mine").exists()
    assert [Path(second.log_dir).name, Path(first.log_dir).name] == ["version_0", "version_1"]
    assert second.log_dir == str(tmp_path / "mine" / "version_0")
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["version_0", "version_1"]


def test_a_run_that_is_continued_logs_into_its_folder(tmp_path, monkeypatch):
    folder = tmp_path / "runs" / "mine" / "version_3"
    folder.mkdir(parents=True)
    for here in (tmp_path, tmp_path / "runs", folder):
        monkeypatch.chdir(here)
        assert Path(old_run(folder, purge_step=None).log_dir).resolve() == folder
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    ("checkpoint", "folder"),
    [
        ("logs/mine/version_3/checkpoints/best.ckpt", "logs/mine/version_3"),
        ("logs/mine/version_3/best.ckpt", None),
        ("logs/mine/checkpoints/best.ckpt", None),
        ("best.ckpt", None),
        (None, None),
    ],
)
def test_a_runs_folder_is_told_by_its_checkpoint(tmp_path, monkeypatch, checkpoint, folder):
    monkeypatch.chdir(tmp_path)
    found = run_folder(Path(checkpoint) if checkpoint else None)
    assert found == (Path(folder) if folder else None)


def test_the_newest_checkpoint_is_found(tmp_path):
    for age, run in enumerate(("a/version_0", "b/version_0", "a/version_1")):
        (tmp_path / run / "checkpoints").mkdir(parents=True)
        (tmp_path / run / "checkpoints" / "best.ckpt").touch()
        os.utime(tmp_path / run / "checkpoints" / "best.ckpt", (1000 - age, 1000 - age))
    assert find_checkpoint("best", tmp_path, "a") == tmp_path / "a/version_0/checkpoints/best.ckpt"
    assert find_checkpoint("best", tmp_path, "b") == tmp_path / "b/version_0/checkpoints/best.ckpt"
    assert find_checkpoint("best", tmp_path, None) == tmp_path / "a/version_0/checkpoints/best.ckpt"
    with pytest.raises(ValueError, match=r"no run in .*/c has a best checkpoint; train one with"):
        find_checkpoint("best", tmp_path, "c")
    assert find_checkpoint("last", tmp_path, None) == tmp_path / "a/version_0/checkpoints/best.ckpt"


@pytest.mark.parametrize(
    ("step", "seconds_after", "found"),
    [(11, 1, "mid"), (11, -1, "last"), (9, 1, "last")],  # the last two: an older training's, and a copied folder's
)
def test_the_last_checkpoint_is_the_newest_of_the_training(step, seconds_after, found, tmp_path):
    folder = tmp_path / "a/version_0/checkpoints"
    for name, at, second in (("last", 10, 1000), ("mid", step, 1000 + seconds_after)):
        SafeCheckpointIO().save_checkpoint({"global_step": at}, folder / f"{name}.ckpt")
        os.utime(folder / f"{name}.ckpt", (second, second))
    assert find_checkpoint("last", tmp_path, "a") == folder / f"{found}.ckpt"


def test_what_is_continued_at_once_has_a_later_name(tmp_path):
    """TensorBoard's names have a second, and the process's count of files, of which 10 comes before 9."""
    (tmp_path / f"events.out.tfevents.{int(time.time()) - 1:010}.host.5.9").touch()
    (tmp_path / f"events.out.tfevents.{int(time.time()):010}.host.5.9").touch()
    old_run(tmp_path, purge_step=5).log_metrics({"a": 1.0}, 6)
    names = [path.name for path in sorted(tmp_path.iterdir())]
    assert len(names) == 3
    assert int(names[2].split(".")[3]) > int(names[1].split(".")[3])
