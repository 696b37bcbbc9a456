"""Configurations that are found by name, in any folder."""

from pathlib import Path

import pytest

from mnist_mlp.shipped.files import config_file, configurations, shipped_folder

ROOT = Path(__file__).parents[2]


def test_in_a_clone_they_lie_where_they_always_do():
    assert shipped_folder("configs") == ROOT / "configs"
    assert shipped_folder("scripts/lessons") == ROOT / "scripts" / "lessons"
    assert set(configurations().values()) == {*(ROOT / "configs").rglob("*.yaml")}  # no two have one name


def test_a_name_means_the_configuration_that_comes_with_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert config_file("quickstart") == ROOT / "configs" / "quickstart.yaml"
    assert config_file("nielsen-ch1-30") == ROOT / "configs" / "published" / "nielsen-ch1-30.yaml"


def test_a_file_of_ones_own_goes_before_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("quickstart").write_text("model: {hidden_sizes: [3]}")
    assert config_file("quickstart") == Path("quickstart")
    assert config_file(tmp_path / "quickstart") == tmp_path / "quickstart"


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("configs/quickstart.yaml", "quickstart alone is the one that comes with mnist-mlp"),
        ("quikstart", "did you mean quickstart?"),
        ("mine.yaml", "mnist-mlp configs lists those that come with it"),
    ],
)
def test_what_is_neither_is_refused_with_a_way_on(given, hint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"^config: File does not exist: '{given}'; ") as refused:
        config_file(given)
    assert str(refused.value).endswith(hint)
