import errno
import os
import re
import time

import pytest

from mnist_mlp.console.files import check_file, check_picture, replaced_at_once


def test_a_file_that_can_be_written_passes(tmp_path):
    check_file("json", tmp_path / "new.json")
    (tmp_path / "old.json").touch()
    check_file("json", tmp_path / "old.json")


@pytest.mark.parametrize("name", [".", "missing/new.json"])
def test_a_file_that_cannot_be_written_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="--json must name a file that can be written; got "):
        check_file("json", tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ValueError, match="--json must name a file that can be written"):
        check_file("json", tmp_path / "new.json")


def test_a_picture_is_a_png(tmp_path):
    pytest.importorskip("matplotlib")
    check_picture("chart", tmp_path / "chart.png")
    with pytest.raises(ValueError, match=r"--chart must name a \.png file; got "):
        check_picture("chart", tmp_path / "chart.jpg")


def test_a_file_is_replaced_when_all_is_written(tmp_path):
    path = tmp_path / "results.json"
    path.write_text("old")
    with replaced_at_once(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
        assert part.parent == path.parent  # else the move may be a copy to another file system
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_two_processes_that_write_the_same_file_do_not_touch_each_others(tmp_path):
    path = tmp_path / "results.json"
    with replaced_at_once(path) as slow:
        slow.write_text("slow")
        with replaced_at_once(path) as fast:
            fast.write_text("fast")
        assert path.read_text() == "fast"
    assert path.read_text() == "slow"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_kill_has_left_goes_after_an_hour(tmp_path):
    path, other = tmp_path / "a[1].json", tmp_path / ".a1.json.00.part"
    young, old = (tmp_path / f".a[1].json.{name}.part" for name in ("young", "old"))
    for file in (young, old, other):
        file.touch()
    before = time.time() - 3700
    for file in (old, other):
        os.utime(file, (before, before))
    with replaced_at_once(path) as part:
        part.touch()
    assert set(tmp_path.iterdir()) == {path, young, other}


def test_a_torn_write_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "results.json"
    path.write_text("old")

    def tear():
        with replaced_at_once(path) as part:
            part.write_text("ha")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tear()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0"),
    ],
)
def test_a_full_disk_is_said_with_its_folder_and_the_old_file_stays(tmp_path, error):
    path = tmp_path / "last.ckpt"
    path.write_text("old")

    def fill():
        with replaced_at_once(path) as part:
            part.write_text("ha")
            raise error

    with pytest.raises(OSError, match=rf"^no space is left in {re.escape(str(tmp_path))} for last\.ckpt; what was"):
        fill()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_another_error_is_no_full_disk(tmp_path):
    def fail():
        with replaced_at_once(tmp_path / "a"):
            raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match=r"^something else$"):
        fail()
