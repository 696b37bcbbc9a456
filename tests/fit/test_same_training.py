"""`--ckpt_path` continues the training that a checkpoint is of, or is refused in a sentence and writes nothing."""

import shutil
from pathlib import Path

import pytest
from data_files import arrays, write_npz

from mnist_mlp.cli import main
from mnist_mlp.fit import prepare

SETTINGS = {
    "model": {"hidden_sizes": [4]},
    "data": {"dataset": "some.npz", "val_size": 0, "batch_size": 20},
    "dashboard": {"enabled": False},
    "name": "old",
}
QUIET = {"accelerator": "cpu", "enable_progress_bar": False}
LAST = Path("logs/old/version_0/checkpoints/last.ckpt")


@pytest.fixture(autouse=True)
def old_run(tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)
    write_npz(tmp_path / "some.npz", arrays(60), arrays(20))
    write_npz(tmp_path / "other.npz", arrays(60, seed=3), arrays(20))
    fit()


def fit(epochs=1, **settings):
    trainer = {**QUIET, "max_epochs": epochs, **settings.pop("trainer", {})}
    prepare("fit", **{**SETTINGS, **settings}, trainer=trainer).execute()


def contents():
    return {path: path.read_bytes() for path in Path("logs").rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("--name=tuned", f"name must stay old, since --ckpt_path continues the run of {LAST} in its folder; got tuned"),
        (
            "--data.dataset=other.npz",
            r"data.dataset must stay some.npz, since .* got other.npz: begin .* with --weights",
        ),
        ("--model.activation=tanh", r"model.activation must stay relu, since .* and tanh is another architecture"),
        ("--model.cost=quadratic", r"model.cost must stay cross_entropy, since .* and quadratic is another arch"),
        ("--model.hidden_sizes=[5]", r"model.hidden_sizes must stay \[4\], since .* and \[5\] is another architecture"),
    ],
)
def test_another_training_is_refused_and_the_files_stay(typed, sentence):
    before = contents()
    with pytest.raises(SystemExit, match=sentence):
        main(["fit", f"--ckpt_path={LAST}", "--trainer.max_epochs=2", typed])
    after = contents()
    assert {path: after[path] for path in before} == before
    assert not Path("logs/tuned").exists()


def test_other_settings_may_change():
    main(["fit", f"--ckpt_path={LAST}", "--trainer.max_epochs=2", "--name=old", "--model.dropout=0.1"])


def test_a_renamed_run_has_two_names(capsys):
    shutil.move("logs/old", "logs/new")
    path = Path("logs/new/version_0/checkpoints/last.ckpt")
    for epochs, name in ((2, "old"), (3, "new")):
        main(["fit", f"--ckpt_path={path}", f"--name={name}", f"--trainer.max_epochs={epochs}"])
    assert [path.name for path in Path("logs").iterdir()] == ["new"]


def test_the_same_images_may_lie_in_a_renamed_file():
    data = {**SETTINGS["data"], "val_size": 10}
    fit(data=data, name="validated")
    Path("some.npz").rename("moved.npz")
    main(["fit", "--ckpt_path=last", "--trainer.max_epochs=2", "--data.dataset=moved.npz"])


def test_a_run_that_goes_back_says_what_is_replaced(capsys):
    keep = {"class_path": "ModelCheckpoint", "init_args": {"filename": "early", "save_top_k": 1}}
    fit(2, name="kept", trainer={"callbacks": [keep]})
    folder = Path("logs/kept/version_0/checkpoints")
    shutil.copy(folder / "last.ckpt", "late.ckpt")
    shutil.copy(LAST, folder / "early.ckpt")
    capsys.readouterr()
    session = prepare("fit", ckpt_path=str(folder / "early.ckpt"), trainer={**QUIET, "max_epochs": 2})
    session.execute()
    said = f"the run goes back to {folder}/early.ckpt: {folder}/last.ckpt, which was trained for longer, will be repl"
    assert said in capsys.readouterr().out
    main(["fit", "--ckpt_path=last", "--name=kept", "--trainer.max_epochs=3"])
    assert "goes back" not in capsys.readouterr().out
    shutil.copy(LAST, folder / "early.ckpt")
    (folder / "last.ckpt").write_bytes(b"x")
    prepare("fit", ckpt_path=str(folder / "early.ckpt"), trainer={**QUIET, "max_epochs": 2}).execute()
    assert f"{folder}/last.ckpt is damaged, and will be replaced" in capsys.readouterr().out
