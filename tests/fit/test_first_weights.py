"""A new run that begins from the weights of another leaves that one as it is, and says what it has taken."""

from pathlib import Path

import pytest
import torch
import yaml
from data_files import arrays, write_npz

from mnist_mlp.cli import main
from mnist_mlp.fit import prepare

SETTINGS = {
    "model": {"hidden_sizes": [8, 6], "activation": ["relu", "tanh"], "gradients": "manual"},
    "data": {"dataset": "digits", "val_size": 300, "batch_size": 100, "normalize": True},
    "dashboard": {"enabled": False},
    "name": "old",
}
QUIET = {"accelerator": "cpu", "enable_progress_bar": False, "max_epochs": 1}
OLD = Path("logs/old/version_0/checkpoints")
FIT = ["fit", "--trainer.enable_progress_bar=false", "--trainer.accelerator=cpu", "--dashboard.enabled=false"]
DIGITS = ["--data.dataset=digits", "--data.val_size=300", "--trainer.max_epochs=1"]


@pytest.fixture(autouse=True)
def old_run(tmp_path, monkeypatch, without_shape_checks):
    """A run whose files must stay as they are."""
    monkeypatch.chdir(tmp_path)
    prepare("fit", **SETTINGS, trainer=QUIET).execute()
    before = contents()
    yield
    assert contents() == before


def contents():
    return {path: path.read_bytes() for path in Path("logs/old").rglob("*") if path.is_file()}


def weights_of(path):
    return {name: value for name, value in torch.load(path, weights_only=True)["state_dict"].items() if "mlp" in name}


def refused(*args):
    with pytest.raises(SystemExit) as caught:
        main([*FIT, *DIGITS, *args])
    sentence = str(caught.value).removeprefix("mnist-mlp: error: ")
    assert "\n" not in sentence
    assert [path.name for path in Path("logs").iterdir()] == ["old"]
    return sentence


@pytest.mark.parametrize("which", ["best", str(OLD / "best.ckpt")])
def test_a_new_run_has_the_network_of_the_weights_and_settings_of_its_own(which, capsys):
    main([*FIT, *DIGITS, f"--weights={which}", "--name=tuned", "--model.optimizer=Adam", "--model.optimizer.lr=1e-30"])
    assert f"a new run, from the weights of {OLD}/best.ckpt\n" in capsys.readouterr().out
    old, new = weights_of(OLD / "best.ckpt"), weights_of("logs/tuned/version_0/checkpoints/last.ckpt")
    assert old.keys() == new.keys()
    assert all(torch.equal(new[name], value) for name, value in old.items())  # such a rate moves none
    config = yaml.safe_load(Path("logs/tuned/version_0/config.yaml").read_text())
    assert config["weights"] == str(OLD / "best.ckpt")
    assert config["model"]["activation"] == ["relu", "tanh"]
    assert config["model"]["gradients"] == "autograd"  # which is how it is trained
    assert config["data"]["normalize"]
    stored = torch.load("logs/tuned/version_0/checkpoints/last.ckpt", weights_only=True)
    assert (stored["epoch"], stored["global_step"]) == (0, 12)
    main([*FIT, *DIGITS, f"--weights={OLD}/best.ckpt", "--name=old2"])
    assert [path.name for path in Path("logs/old").iterdir()] == ["version_0"]


def test_images_are_seen_as_the_weights_saw_them():
    statistics = torch.load(OLD / "best.ckpt", weights_only=True)["pixel_statistics"]
    data = {"dataset": "digits", "val_size": 300, "train_size": 100, "batch_size": 50}
    session = prepare("fit", weights="best", name="tuned", data=data, trainer=QUIET)
    session.execute()
    assert list(session.model.pixel_statistics or ()) == statistics
    assert [session.datamodule.mean, session.datamodule.std] == statistics


@pytest.mark.parametrize("num_classes", [7, 10])
def test_where_the_classes_are_others_the_output_layer_is_new(num_classes, tmp_path, monkeypatch, capsys):
    write_npz(tmp_path / "other.npz", arrays(140, num_classes), arrays(70, num_classes))
    if num_classes == 10:  # so many, but others
        from mnist_mlp.data.module import MNISTDataModule

        monkeypatch.setattr(MNISTDataModule, "class_names", [*"abcdefghij"])
    new = {"data": {"dataset": "other.npz", "val_size": 20, "batch_size": 60}, "trainer": QUIET, "name": "tuned"}
    session = prepare("fit", weights="best", **new)
    old, ours = weights_of(OLD / "best.ckpt"), session.model.state_dict()
    kept = {name for name, value in old.items() if ours[name].shape == value.shape and torch.equal(ours[name], value)}
    assert kept == {f"mlp.layers.{l}.{kind}" for l in (0, 1) for kind in ("weight", "bias")}
    assert ours["mlp.layers.2.weight"].shape == (num_classes, 6)
    session.execute()
    said = capsys.readouterr().out
    assert f"from the weights of {OLD}/best.ckpt; the output layer is new, for the {num_classes} classes of ot" in said


def test_a_run_that_began_so_is_continued_and_measured_as_any_other(capsys):
    main([*FIT, *DIGITS, "--weights=best", "--name=tuned", "--trainer.max_epochs=2"])
    whole = weights_of("logs/tuned/version_0/checkpoints/last.ckpt")
    main([*FIT, *DIGITS, f"--weights={OLD}/best.ckpt", "--name=cut"])
    capsys.readouterr()
    config = "--config=logs/cut/version_0/config.yaml"  # names the weights, too
    main([*FIT, config, "--ckpt_path=last", "--trainer.max_epochs=2"])
    assert "a new run" not in capsys.readouterr().out
    continued = weights_of("logs/cut/version_0/checkpoints/last.ckpt")
    assert all(torch.equal(continued[name], value) for name, value in whole.items())
    assert yaml.safe_load(Path("logs/cut/version_0/config.yaml").read_text())["weights"] == str(OLD / "best.ckpt")
    main(["test", config, "--name=cut"])
    assert [path.name for path in Path("logs/cut").iterdir()] == ["version_0"]


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["--weights=best", "--ckpt_path=last"], "ckpt_path continues a training, and weights begins a new run from"),
        (["--weights=none.ckpt"], "weights must be best, last or the path of a checkpoint; there is no file none.ckpt"),
        (["--weights=best", "--model.hidden_sizes=[9]"], r"model.hidden_sizes must be [8, 6], as it was for the weigh"),
        (["--weights=best", "--model.activation=relu"], "model.activation must be ['relu', 'tanh'], as it was for the"),
        (
            ["--weights=best", "--data.normalize=false"],
            f"data.normalize must be True, as it was for the weights of {OLD}",
        ),
        (["--weights=text"], "text is not a checkpoint of this project"),
    ],
)
def test_what_does_not_fit_is_refused(args, sentence):
    Path("text").write_text("text")
    assert refused(*args).startswith(sentence)


def test_no_hidden_layer_leaves_nothing_to_begin_from(tmp_path):
    data = {"dataset": "digits", "val_size": 300, "batch_size": 100}
    prepare("fit", model={"hidden_sizes": []}, data=data, name="flat", trainer=QUIET).execute()
    write_npz(tmp_path / "other.npz", arrays(140, 7), arrays(70, 7))
    with pytest.raises(ValueError, match="weights must be those of a network with hidden layers, since only these"):
        prepare("fit", weights="best", data={"dataset": "other.npz"}, trainer={**QUIET, "logger": False})
    assert {path.name for path in Path("logs").iterdir()} == {"old", "flat"}


@pytest.mark.parametrize("command", ["test", "validate"])
def test_only_fit_begins_from_weights(command):
    with pytest.raises(SystemExit, match=f"weights is for a new run of fit; name the checkpoint to {command} with --c"):
        main([command, "--weights=best"])
