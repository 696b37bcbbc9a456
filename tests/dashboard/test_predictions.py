from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from tensorboard.plugins.pr_curve import metadata as pr_curve_metadata
from tensorboard.util import tensor_util

from mnist_mlp import MLPClassifier, MNISTDataModule
from mnist_mlp.dashboard import predictions
from mnist_mlp.dashboard.predictions import Classified, classify, draw_mistakes, draw_right
from mnist_mlp.dashboard.run_log import read_run
from mnist_mlp.data.images import DIGITS


def test_pictures_and_curves_are_drawn_at_the_end(fit, events_of):
    events = events_of(fit(epochs=1))
    sizes = {tag: (events.Images(tag)[-1].width, events.Images(tag)[-1].height) for tag in events.Tags()["images"]}
    assert sizes["val/confusions"] == (494, 494)
    assert sizes["val/reliability"] == (440, 478)
    assert sizes["val/mistakes"][0] == 5 * 92
    kinds = {tag: events.SummaryMetadata(tag).plugin_data.plugin_name for tag in events.Tags()["tensors"]}
    curves = [tag for tag, kind in kinds.items() if kind == pr_curve_metadata.PLUGIN_NAME]
    assert sorted(curves) == [f"val/precision_recall_{digit}" for digit in range(10)]


def test_each_picture_has_its_own_caption(fit):
    captions = {tag: image.caption for tag, image in read_run(fit()).images.items() if tag.startswith("val/")}
    assert {"val/mistakes", "val/confusions", "val/reliability"} <= set(captions)
    assert all(captions.values())
    assert len(set(captions.values())) == len(captions)


@pytest.mark.parametrize("world_size", [1, 2])
def test_each_image_stands_beside_its_own_prediction(tiny_mnist, without_shape_checks, world_size):
    data = MNISTDataModule(val_size=20, batch_size=8)
    data.setup("fit")
    model = MLPClassifier([6])
    expected = model.mlp.predict_proba(data.val_images.images.float() / 255)
    strategy = SimpleNamespace(root_device=torch.device("cpu"))
    data.trainer = cast(Any, SimpleNamespace(global_rank=0, world_size=world_size, strategy=strategy))
    split, seen = classify(model, data)
    assert split == "val"
    torch.testing.assert_close(seen.outputs, expected.detach())
    assert torch.equal(seen.images, data.val_images.images)
    assert torch.equal(seen.labels, data.val_images.labels)
    assert model.training


def test_the_worst_mistakes_come_first_and_what_is_right_by_class(monkeypatch):
    shown = {}
    monkeypatch.setattr(
        predictions, "draw_captioned", lambda images, captions: shown.update(zip(captions, images, strict=True))
    )
    labels = torch.tensor([3, 3, 1, 0, 3])
    outputs = torch.full((5, 10), 0.01)
    for i, (said, sure) in enumerate([(5, 0.6), (5, 0.9), (1, 0.8), (0, 0.7), (3, 0.5)]):
        outputs[i, said] = sure
    images = (torch.arange(5, dtype=torch.uint8) * 51)[:, None].expand(5, 784)
    seen = Classified(images, labels, outputs, DIGITS)
    draw_mistakes(seen)
    assert list(shown) == ["5, not 3\n0.900", "5, not 3\n0.600"]
    assert [round(image.mean().item(), 1) for image in shown.values()] == [0.2, 0.0]
    shown.clear()
    draw_right(seen)
    assert list(shown) == ["0\n0.700", "1\n0.800", "3\n0.500"]


def test_classes_are_called_by_their_names(monkeypatch):
    captions = []
    monkeypatch.setattr(predictions, "draw_captioned", lambda images, words: captions.extend(words))
    names = ["Shirt", "Bag", *(f"c{i}" for i in range(60))]
    images, outputs = torch.zeros(62, 784, dtype=torch.uint8), torch.eye(62)
    outputs[0] = outputs[1] * 0.5
    seen = Classified(images, torch.arange(62), outputs, names)
    draw_mistakes(seen)
    assert captions == ["Bag\nnot Shirt\n0.500"]
    captions.clear()
    draw_right(seen)
    assert captions == [f"{name}\n1.000" for name in names[1:]]


def test_nothing_is_drawn_of_no_image():
    images, outputs = torch.zeros(2, 784, dtype=torch.uint8), torch.eye(10)[:2]
    assert draw_mistakes(Classified(images, torch.tensor([0, 1]), outputs, DIGITS)) is None
    assert draw_right(Classified(images, torch.tensor([1, 0]), outputs, DIGITS)) is None


def test_the_calibration_error_is_what_its_picture_shows(fit, events_of, monkeypatch):
    drawn = []
    draw = predictions.draw_reliability
    monkeypatch.setattr(predictions, "draw_reliability", lambda measured: drawn.append(measured) or draw(measured))
    (point,) = events_of(fit(epochs=1)).Scalars("val/calibration_error")
    assert point.value == pytest.approx(drawn[0].error)


def test_precision_and_recall_are_of_their_class(fit, events_of):
    events = events_of(fit(epochs=1))
    content = events.Tensors("val/precision_recall_4")[0].tensor_proto
    true_positives, false_positives = tensor_util.make_ndarray(content)[:2, 0]
    data = MNISTDataModule(val_size=20, batch_size=8)
    data.setup("fit")
    positives = (data.val_images.labels == 4).sum().item()
    assert (true_positives, false_positives) == (positives, 20 - positives)
