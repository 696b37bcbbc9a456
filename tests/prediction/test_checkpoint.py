import pickle
import subprocess
import sys

import pytest
import torch

from mnist_mlp import MLPClassifier, MNISTDataModule, load
from mnist_mlp.fit import prepare

pytestmark = pytest.mark.usefixtures("without_shape_checks")


@pytest.fixture
def best(digits_run):
    return digits_run / "quickstart" / "version_0" / "checkpoints" / "best.ckpt"


@pytest.fixture
def changed(best, tmp_path):
    """Write what the checkpoint holds, changed by a function, into another file."""

    def changed(change):
        stored = torch.load(best, weights_only=True)
        change(stored)
        path = tmp_path / "changed.ckpt"
        torch.save(stored, path)
        return path

    return changed


def test_the_newest_run_and_a_path_give_the_same_network(digits_run, best):
    images = torch.randint(256, (4, 28, 28), dtype=torch.uint8)
    expected = load(best).predict_proba(images)
    assert torch.equal(load("best", digits_run).predict_proba(images), expected)
    assert torch.equal(load(str(best)).predict_proba(images), expected)
    assert torch.equal(load("best", digits_run, name="quickstart").predict_proba(images), expected)
    with pytest.raises(ValueError, match=r"no run in .*other has a best checkpoint"):
        load("best", digits_run, name="other")


def test_it_says_what_the_classifier_says_of_the_validation_images(digits_run, best):
    model = MLPClassifier.load_from_checkpoint(best).eval()
    data = MNISTDataModule("digits", val_size=300)
    data.setup("fit")
    with torch.no_grad():
        expected = model.mlp.predict_proba(data.val_images.images.float() / 255)
    assert torch.equal(load(best).predict_proba(data.val_images.images), expected)


def test_it_knows_its_training(best):
    network = load(best)
    assert network.settings["model"]["hidden_sizes"] == [200]
    assert network.settings["data"]["dataset"] == "digits"
    assert 0.9 < network.settings["best_val_acc"] <= 1
    assert network.settings["epoch"] < 12
    assert network.settings["checkpoint"] == str(best)
    assert network.class_names == tuple("0123456789")
    assert (network.image_size, network.mean, network.std) == (28, 0.0, 1.0)
    assert not network.mlp.training


def test_loading_draws_no_random_numbers(best):
    torch.manual_seed(5)
    load(best)
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert drawn == torch.rand(1)


def test_normalization_and_image_size_come_from_the_checkpoint(tmp_path):
    session = prepare(
        "fit",
        model={"hidden_sizes": [5], "num_inputs": 30**2},
        data={"dataset": "digits", "val_size": 300, "normalize": True, "image_size": 30},
        trainer={"max_epochs": 1, "default_root_dir": str(tmp_path), "enable_progress_bar": False},
        dashboard={"enabled": False},
    )
    session.execute()
    network, data = load("last", tmp_path), session.datamodule
    assert network.image_size == 30
    assert (network.mean, network.std) == (data.mean, data.std) != (0, 1)
    (x, _), *_ = data.evaluation_loader("val")
    images = data.val_images.images.view(-1, 30, 30)[: len(x)]
    assert torch.allclose(network.inputs(images), x, atol=1e-6)
    assert torch.equal(network.inputs(images[:, :28, :28]), network.inputs(images))


def test_an_older_checkpoint_has_ten_digits(changed):
    network = load(changed(lambda stored: stored.pop("MNISTDataModule")))
    assert (network.class_names, network.mean, network.std) == (tuple("0123456789"), 0.0, 1.0)


def test_an_older_normalized_checkpoint_is_refused(changed):
    def change(stored):
        del stored["MNISTDataModule"], stored["pixel_statistics"]
        stored["datamodule_hyper_parameters"]["normalize"] = True

    with pytest.raises(ValueError, match="cannot be used: it was normalized, and does not know by what"):
        load(changed(change))


def test_weights_of_another_architecture_are_refused(changed):
    def change(stored):
        stored["hyper_parameters"]["hidden_sizes"] = [30, 20]

    with pytest.raises(ValueError, match=r"hidden layers of \[200\] neurons, than its settings, with \[30, 20\]"):
        load(changed(change))


def test_an_activation_that_is_not_here_is_refused(changed):
    with pytest.raises(ValueError, match=r"cannot be used: activation must be one of .* got 'swish'"):
        load(changed(lambda stored: stored["hyper_parameters"].update(activation="swish")))


@pytest.mark.parametrize(
    "content",
    [
        {"state_dict": {"fc.weight": torch.zeros(2, 2)}, "epoch": 3},  # another program's
        {"state_dict": {"mlp.layers.0.weight": torch.zeros(3, 784)}, "hyper_parameters": {}},
        torch.zeros(3),
        [1, 2],
        {"weight": torch.zeros(2)},
    ],
)
def test_another_programs_file_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match=r"other\.ckpt is not a checkpoint of this project"):
        load(tmp_path / "other.ckpt")


def test_parameters_that_do_not_fit_are_refused(changed):
    with pytest.raises(ValueError, match="is not a checkpoint of this project"):
        load(changed(lambda stored: stored["state_dict"].pop("mlp.layers.1.bias")))


@pytest.mark.parametrize("part", [0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(best, tmp_path, part):
    content = best.read_bytes()
    (tmp_path / "cut.ckpt").write_bytes(content[: int(part * len(content))])
    with pytest.raises(ValueError, match="or it is damaged"):
        load(tmp_path / "cut.ckpt")


@pytest.mark.parametrize("content", [b"\x80", b"hello", b"\x80\x02}q\x00.", b"PK\x03\x04", b"(((((((", bytes(1000)])
def test_garbage_is_refused(tmp_path, content):
    (tmp_path / "garbage.ckpt").write_bytes(content)
    with pytest.raises(ValueError, match="is not a checkpoint of this project"):
        load(tmp_path / "garbage.ckpt")


def test_an_empty_file_and_a_folder_are_refused(tmp_path):
    (tmp_path / "empty.ckpt").touch()
    with pytest.raises(ValueError, match=r"empty\.ckpt is empty"):
        load(tmp_path / "empty.ckpt")
    for path in (tmp_path, tmp_path / "nowhere.ckpt"):
        with pytest.raises(ValueError, match="ckpt_path must be best, last or the path of a checkpoint"):
            load(path)
    with pytest.raises(ValueError, match="has a best checkpoint; train one"):
        load("best", tmp_path)


class Harmful:
    """A pickle of it writes a file when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return exec, (f"open({str(self.path)!r}, 'w').close()",)


@pytest.mark.parametrize("save", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))])
def test_code_in_a_pickle_does_not_run(tmp_path, save):
    save({"state_dict": Harmful(tmp_path / "harm")}, tmp_path / "harmful.ckpt")
    with pytest.raises(ValueError, match="nothing in it was run"):
        load(tmp_path / "harmful.ckpt")
    assert not (tmp_path / "harm").exists()
    with (tmp_path / "harmful.ckpt").open("rb") as file, pytest.raises(Exception, match=r"."):
        pickle.load(file)["nothing"]
    pickle.loads(pickle.dumps(Harmful(tmp_path / "harm")))
    assert (tmp_path / "harm").exists()  # had it run, it would have been seen


def test_the_public_names_import_nothing_before_they_are_used():
    code = "import sys, mnist_mlp; assert 'torch' not in sys.modules; from mnist_mlp import TrainedNetwork, load"
    subprocess.run([sys.executable, "-c", code], check=True)
