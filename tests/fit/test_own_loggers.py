"""A logger that a user chooses writes under the run's name, and nothing of a run is lost where it goes on."""

from pathlib import Path

import pytest
import yaml

from mnist_mlp.cli import main
from mnist_mlp.fit import prepare

QUICK = Path(__file__).parent.parent.parent / "configs" / "quickstart.yaml"
QUIET = {"accelerator": "cpu", "enable_progress_bar": False, "max_epochs": 1}
SHORT = f"fit --config {QUICK} --trainer.max_epochs=1 --trainer.accelerator=cpu --trainer.enable_progress_bar=false"
CSV = "--trainer.logger=CSVLogger --trainer.logger.save_dir=mylogs"


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)


def test_a_run_with_an_own_logger_is_named_continued_and_tested(capsys):
    main(f"{SHORT} {CSV} --name=a".split())
    first = Path("mylogs/a/version_0")
    assert {"metrics.csv", "config.yaml", "checkpoints"} <= {each.name for each in first.iterdir()}
    assert not Path("logs").exists()
    *_, best, where = capsys.readouterr().out.splitlines()  # what fits into 80 columns stands on one line
    assert (best[:13], where) == ("best val/acc ", f"{first}/checkpoints/best.ckpt")
    kept = {each: each.read_bytes() for each in first.rglob("*") if each.is_file()}

    quick = ["--trainer.accelerator=cpu", "--trainer.enable_progress_bar=false"]
    main(["fit", f"--ckpt_path={first}/checkpoints/last.ckpt", "--trainer.max_epochs=2", *quick])
    assert "mylogs/a/version_1/checkpoints/best.ckpt" in capsys.readouterr().out.splitlines()[-1]
    assert {each: each.read_bytes() for each in kept} == kept
    assert "\n1," in Path("mylogs/a/version_1/metrics.csv").read_text()

    main(["test", "--ckpt_path=best", "--trainer.default_root_dir=mylogs", "--name=a", *quick])
    assert "checkpoint mylogs/a/version_1/checkpoints/best.ckpt" in capsys.readouterr().out


def test_a_name_that_the_logger_was_given_stays(capsys):
    main(f"{SHORT} {CSV} --trainer.logger.name=b --name=a".split())
    assert "mylogs/b/version_0/checkpoints/best.ckpt" in capsys.readouterr().out
    assert yaml.safe_load(Path("mylogs/b/version_0/config.yaml").read_text())["name"] == "a"


def test_each_of_several_loggers_is_named_and_the_dashboard_is_that_of_tensorboard(capsys):
    kinds = [{"class_path": "CSVLogger", "init_args": {"save_dir": "csv"}}]
    kinds += [{"class_path": "TensorBoardLogger", "init_args": {"save_dir": "boards"}}]
    prepare("fit", QUICK, name="a", trainer={**QUIET, "logger": kinds}).execute()
    assert Path("csv/a/version_0/metrics.csv").is_file()
    assert [*Path("boards/a/version_0").glob("events.*")]
    assert capsys.readouterr().out.splitlines()[-1].endswith("mnist-mlp dashboard boards")


def test_a_checkpoint_callback_of_ones_own_follows_the_name_without_a_logger():
    own = {"class_path": "ModelCheckpoint", "init_args": {"filename": "mine"}}
    prepare("fit", QUICK, name="a", trainer={**QUIET, "logger": False, "callbacks": [own]}).execute()
    folder = Path("logs/a/version_0/checkpoints")
    assert {each.name for each in folder.iterdir()} == {"best.ckpt", "last.ckpt", "mine.ckpt"}
    assert {each.name for each in Path("logs").iterdir()} == {"a"}
