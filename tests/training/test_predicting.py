import numpy as np
import pytest
import torch

from mnist_mlp import MLPClassifier


@pytest.fixture
def model():
    model = MLPClassifier([6], dropout=0.5)
    model.pixel_statistics = (0.25, 0.5)
    return model


@pytest.mark.parametrize("shape", [(3, 28, 28), (3, 784)])
def test_bytes_floats_and_tensors_are_the_same_images(shape, model):
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    expected = torch.softmax(model.eval()((torch.from_numpy(images) / 255).flatten(1)), dim=1)
    given = [images, torch.from_numpy(images), images / 255, images.astype(np.float32) / 255, images.astype(int)]
    for each in given:
        torch.testing.assert_close(model.predict_proba(each), expected)


def test_nothing_is_dropped_and_no_graph_is_made(model):
    images = np.zeros((2, 28, 28))
    first, second = model.predict_proba(images), model.predict_proba(images)
    assert torch.equal(first, second)
    assert not first.requires_grad
    assert model.training
    assert model.mlp.training


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (np.full((1, 784), 255.0), "floating-point values from 0 to 1; got float64 from 255.0 to 255.0"),
        (np.full((1, 784), -1), "integers from 0 to 255"),
        (np.full((1, 784), "a"), "an array of numbers"),
        (np.zeros((1, 28)), r"shape \(batch, 784\); got \(1, 28\)"),
        (np.zeros((0, 784)), "at least one sample"),
    ],
)
def test_what_are_no_images_is_refused(images, sentence, model):
    with pytest.raises(ValueError, match=sentence):
        model.predict_proba(images)
