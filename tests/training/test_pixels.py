"""Mean and standard deviation of the pixels belong to the network that was trained with them."""

from typing import Any

import pytest
import torch
from lightning import Trainer, seed_everything
from torch.optim import SGD
from torch.utils.data import DataLoader, TensorDataset

from mnist_mlp import MLPClassifier, MNISTDataModule, load
from mnist_mlp.fit import prepare

pytestmark = [
    pytest.mark.usefixtures("without_shape_checks"),
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
]

QUIET: Any = {"enable_progress_bar": False, "accelerator": "cpu", "logger": False, "enable_model_summary": False}
QUIET |= {"enable_checkpointing": False}


def data_of(**settings):
    return MNISTDataModule("digits", batch_size=50, val_size=300, **settings)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A checkpoint of a network that was trained on normalized digits, its accuracy on tests, and its data."""
    seed_everything(0, verbose=False)
    model = MLPClassifier([30], optimizer=lambda p: SGD(p, lr=0.1))
    data = data_of(normalize=True)
    trainer = Trainer(max_epochs=2, **QUIET)
    trainer.fit(model, data)
    path = tmp_path_factory.mktemp("trained") / "model.ckpt"
    trainer.save_checkpoint(path)
    (tested,) = trainer.test(model, data, verbose=False)
    return path, tested["test/acc"], data


def raw(data):
    images, labels = data.test_images
    return images.view(-1, 28, 28).float() / 255, labels


def test_a_script_that_gives_raw_pixels_gets_the_right_accuracy(trained):
    path, accuracy, data = trained
    model = MLPClassifier.load_from_checkpoint(path, weights_only=True).eval()
    x, labels = raw(data)
    with torch.no_grad():
        assert (model(x).argmax(dim=1) == labels).float().mean().item() == pytest.approx(accuracy)
    loader = DataLoader(TensorDataset(x, labels), 100)
    (tested,) = Trainer(**QUIET).test(model, loader, verbose=False)
    assert tested["test/acc"] == pytest.approx(accuracy)
    predicted: Any = Trainer(**QUIET).predict(model, loader)
    assert (torch.cat(predicted).argmax(dim=1) == labels).float().mean().item() == pytest.approx(accuracy)
    mean, std = data.mean, data.std
    assert (mean, std) != (0, 1)
    torch.testing.assert_close(model(x), model.mlp((x.flatten(1) - mean) / std))


@pytest.mark.parametrize(
    "settings", [{}, {"normalize": True}, {"normalize": True, "train_size": 50}, {"train_size": 50}], ids=str
)
@pytest.mark.parametrize("by", ["load_from_checkpoint", "ckpt_path"])
def test_data_of_any_settings_are_normalized_by_the_networks_numbers(trained, settings, by):
    path, accuracy, data = trained
    model, given = MLPClassifier([30]), {"ckpt_path": path, "weights_only": True}
    if by == "load_from_checkpoint":
        model, given = MLPClassifier.load_from_checkpoint(path), {}
    other = data_of(**settings)
    (tested,) = Trainer(**QUIET).test(model, other, verbose=False, **given)
    assert tested["test/acc"] == pytest.approx(accuracy)
    assert (other.mean, other.std) == (data.mean, data.std)


def test_a_network_that_trains_on_keeps_its_numbers(trained, tmp_path):
    path, _, data = trained
    model = MLPClassifier.load_from_checkpoint(path)
    other = data_of(train_size=100)
    trainer = Trainer(max_epochs=1, **QUIET)
    trainer.fit(model, other)
    assert model.pixel_statistics == (other.mean, other.std) == (data.mean, data.std)
    x, labels = raw(data)
    trainer = Trainer(max_epochs=1, **QUIET)
    trainer.fit(model, DataLoader(TensorDataset(x, labels), 50), DataLoader(TensorDataset(x, labels), 50))
    trainer.save_checkpoint(tmp_path / "own.ckpt")  # which knows of no data module
    again = MLPClassifier.load_from_checkpoint(tmp_path / "own.ckpt", weights_only=True)
    assert again.pixel_statistics == model.pixel_statistics
    torch.testing.assert_close(
        load(tmp_path / "own.ckpt").predict_proba(x), model.mlp.eval().predict_proba(model.normalized(x))
    )


def test_the_numbers_of_a_loader_that_knew_no_trainer_are_the_networks_too(trained):
    _, _, data = trained
    model = MLPClassifier([4])
    alone = data_of(normalize=True)
    alone.setup("fit")
    Trainer(max_epochs=1, **QUIET).fit(model, alone.train_dataloader(), alone.val_dataloader())
    assert model.pixel_statistics == (data.mean, data.std)


def test_a_checkpoint_of_before_has_them_with_its_data(trained, tmp_path):
    path, accuracy, _ = trained
    stored = torch.load(path, weights_only=True)
    del stored["pixel_statistics"]
    torch.save(stored, tmp_path / "old.ckpt")
    model = MLPClassifier.load_from_checkpoint(tmp_path / "old.ckpt")
    (tested,) = Trainer(**QUIET).test(model, data_of(), verbose=False)
    assert tested["test/acc"] == pytest.approx(accuracy)


def test_normalized_pixels_are_not_normalized_again(trained):
    path, _, data = trained
    model = MLPClassifier.load_from_checkpoint(path)
    x, _ = next(iter(data.val_dataloader()))
    with pytest.raises(ValueError, match=r"pixels must lie in \[0, 1\], since the network normalizes them by its mean"):
        model(x)


def test_pixels_are_left_as_they_are_where_the_network_was_trained_so(tmp_path):
    model = MLPClassifier([4])
    Trainer(max_epochs=1, **QUIET).fit(model, data_of())
    assert model.pixel_statistics == (0, 1)
    x = torch.randn(3, 784)
    assert torch.equal(model(x), model.mlp(x))


def test_the_command_computes_no_others(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    trainer = {"max_epochs": 1, "enable_progress_bar": False, "accelerator": "cpu"}
    data: Any = {"dataset": "digits", "val_size": 300, "batch_size": 50, "normalize": True}
    prepare("fit", model={"hidden_sizes": [8]}, data=data, trainer=trainer, dashboard={"enabled": False}).execute()
    accuracies = []
    for typed in ([], ["--data.train_size=50", "--data.batch_size=10"], ["--data.normalize=false"]):
        session = prepare("test", typed=typed, trainer={"enable_progress_bar": False, "accelerator": "cpu"})
        session.execute()
        accuracies.append(session.trainer.callback_metrics["test/acc"].item())
    assert len(set(accuracies)) == 1


def bytes_of(data):
    return data.test_images.images.view(-1, 28, 28), data.test_images.labels


@pytest.mark.parametrize("kind", ["plain", "normalized"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.uint8, torch.int64])
def test_pixels_of_0_to_255_are_refused_wherever_they_enter(trained, kind, dtype):
    path, _, data = trained
    model = MLPClassifier.load_from_checkpoint(path) if kind == "normalized" else MLPClassifier([4])
    model = model.to(torch.float64 if dtype == torch.float64 else torch.float32)
    x, labels = bytes_of(data)
    loader = DataLoader(TensorDataset(x.to(dtype), labels), 100)
    sentence = r"(pixels must lie in \[0, 1\]; got 255: divide bytes by 255|got torch\.\w+: divide bytes by 255)$"
    with pytest.raises(ValueError, match=sentence):
        model(x.to(dtype))
    for run in ("validate", "test", "predict"):
        with pytest.raises(ValueError, match=sentence):
            getattr(Trainer(**QUIET), run)(model, loader)
    with pytest.raises(ValueError, match=sentence):
        Trainer(max_epochs=1, num_sanity_val_steps=0, **QUIET).fit(model.train(), loader, loader)


def test_a_loaded_network_takes_bytes_and_fractions_and_no_bytes_as_floats(trained):
    path, _, data = trained
    network, (x, _) = load(path), bytes_of(data)
    assert torch.equal(network.predict_proba(x), network.predict_proba(x.float() / 255))
    with pytest.raises(ValueError, match=r"images must be integers from 0 to 255, or floating-point values from 0 to"):
        network.predict_proba(x.float())
    drawn = x[0].repeat_interleave(4, 0).repeat_interleave(4, 1).numpy()
    answers = [network.predict(array)[0].probabilities for array in (drawn, drawn.astype("float32"), drawn / 255)]
    assert all((answer == answers[0]).all() for answer in answers)  # a picture is stretched from its least to its most


def test_what_is_brighter_or_was_normalized_by_others_is_taken(trained):
    model = MLPClassifier([4])
    x, _ = raw(trained[2])
    model(3 * x)
    with pytest.raises(ValueError, match="got 16: divide"):
        model(16 * x)
    model((x - 0.1307) / 0.3081)
    torch.export.export(model.mlp, (x[:2].flatten(1),))
    torch.export.export(model, (x[:2],))
    torch.func.vmap(model)(x[:2].view(2, 1, 784))
