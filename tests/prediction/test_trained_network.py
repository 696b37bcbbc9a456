import io

import numpy as np
import pytest
import torch
from handwriting.drawing import file_of, image_of, page
from PIL import Image
from prediction.networks import random_images, untrained

from mnist_mlp import MLP, TrainedNetwork, load
from mnist_mlp.prediction import UNSURE

pytestmark = pytest.mark.usefixtures("without_shape_checks")


@pytest.fixture(scope="module")
def network(digits_run):
    return load("best", digits_run)


def test_every_kind_of_images_gives_the_same_inputs():
    network, images = untrained(mean=0.1, std=0.3), random_images()
    expected = (images.flatten(1).float() / 255 - 0.1) / 0.3
    floats = images.float() / 255
    for kind in (
        images,
        images.numpy(),
        images.flatten(1),
        images.long(),
        images.numpy().astype(np.uint16),
        floats,
        floats.double().numpy(),
    ):
        assert torch.allclose(network.inputs(kind), expected, atol=1e-6)
        assert network.inputs(kind).dtype == torch.float32


def test_images_are_padded_below_and_at_the_right():
    network, images = untrained([30 * 30, 5, 10], mean=0.5), random_images()
    x = network.inputs(images).view(-1, 30, 30)
    assert torch.equal(x[:, :28, :28], images / 255 - 0.5)
    assert (x[:, 28:] == -0.5).all()
    assert (x[:, :, 28:] == -0.5).all()


def test_images_are_left_as_they_were():
    images = random_images().float().div(255)
    before = images.clone()
    untrained(mean=0.5).inputs(images)
    assert torch.equal(images, before)


@pytest.mark.parametrize(
    "shape", [(28, 28), (784,), (0, 28, 28), (2, 1, 28, 28), (2, 27, 28), (2, 14, 56), (2, 783), ()]
)
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"images must have the shape \(n, 28, 28\) or \(n, 784\)"):
        untrained().inputs(np.zeros(shape, dtype=np.uint8))


@pytest.mark.parametrize(
    "images",
    [
        np.full((1, 784), 300),
        np.full((1, 784), -1),
        np.full((1, 784), 255.0),
        np.full((1, 784), np.nan),
        np.full((1, 784), np.inf),
        np.full((1, 784), True),
        np.full((1, 784), 0j),
    ],
    ids=["300", "-1", "255.0", "nan", "inf", "bool", "complex"],
)
def test_other_values_are_refused(images):
    with pytest.raises(ValueError, match="images must be"):
        untrained().inputs(images)


def test_strings_are_refused():
    with pytest.raises(ValueError, match="images must be an array of numbers"):
        untrained().inputs(np.full((1, 784), "7"))


def test_softmax_is_the_networks_own():
    network, images = untrained(), random_images()
    with torch.no_grad():
        assert torch.equal(network.predict_proba(images), network.mlp.predict_proba(network.inputs(images)))


@pytest.mark.parametrize("output", ["sigmoid", "identity", "tanh", "relu", "scaled_tanh"])
def test_other_outputs_become_probabilities(output):
    network = untrained(cost="mse", output_activation=output)
    with torch.no_grad():
        a = network.mlp.predict_proba(network.inputs(random_images(200)))
    p = network.predict_proba(random_images(200))
    assert p.min() >= 0
    assert p.sum(dim=1).max() <= 1 + 1e-6
    low = a.clamp(0, 1).sum(dim=1) <= 1
    assert torch.equal(p[low], a.clamp(0, 1)[low])


def test_an_image_of_none_of_the_classes_stays_improbable():
    mlp = MLP([784, 3], cost="binary_cross_entropy").eval()
    with torch.no_grad():
        mlp.weights[0].zero_()
        mlp.biases[0].copy_(torch.tensor([0.02, 0.01, 0.01]).logit())
    p = TrainedNetwork(mlp, ("a", "b", "c")).predict_proba(random_images(1))
    assert torch.allclose(p, torch.tensor([[0.02, 0.01, 0.01]]))
    with torch.no_grad():
        mlp.biases[0].copy_(torch.tensor([0.95, 0.94, 0.01]).logit())
    p = TrainedNetwork(mlp, ("a", "b", "c")).predict_proba(random_images(1))
    assert torch.allclose(p, torch.tensor([[0.5, 0.94 / 1.9, 0.01 / 1.9]]))


def test_a_network_has_a_name_for_each_output():
    for sizes, names in (([784, 10], "abc"), ([784, 1], "a")):
        with pytest.raises(ValueError, match="must have 2 or more outputs and a name for each"):
            TrainedNetwork(MLP(sizes), tuple(names))


@pytest.mark.parametrize("inputs", [2, 64, 785, 27**2])
def test_a_network_has_the_inputs_of_a_picture(inputs):
    with pytest.raises(ValueError, match=f"must have 28x28 inputs, or those of a larger square; got {inputs}"):
        untrained([inputs, 10])


def test_digits_are_read_in_their_order(network):
    picture = page((4, 20, 100), (1, 150, 90), (7, 280, 95))
    found = network.predict(image_of(picture))
    assert [each.name for each in found] == ["4", "1", "7"]
    for each in found:
        assert each.probability == max(each.probabilities) >= each.second_probability
        assert each.probabilities.argmax() == int(each.name)
        assert each.probabilities.sum() == pytest.approx(1, abs=1e-5)
        assert each.unsure == (each.probability < UNSURE)
        assert each.second != each.name
        assert network.predict_proba(each.image[None])[0].numpy() == pytest.approx(each.probabilities, abs=1e-6)
    left, top, right, bottom = found[0].box
    assert 20 <= left < right <= 140
    assert 100 <= top < bottom <= 220


def test_pictures_come_from_anywhere(network, tmp_path):
    image = image_of(page((3, 130, 70)))
    (tmp_path / "three.png").write_bytes(file_of(image))
    for picture in (image, np.asarray(image), file_of(image), tmp_path / "three.png", str(tmp_path / "three.png")):
        assert [each.name for each in network.predict(picture)] == ["3"]


def test_blank_paper_holds_no_digit(network):
    assert network.predict(np.full((200, 300), 220, dtype=np.uint8)) == []


@pytest.mark.parametrize("content", [b"", b"hello", file_of(image_of(page((3, 130, 70))))[:200]])
def test_what_is_no_picture_is_refused(network, content):
    with pytest.raises(ValueError, match="these bytes cannot be read as a picture"):
        network.predict(content)


def test_an_animation_is_its_first_picture(network):
    frames = [image_of(page((digit, 130, 70))) for digit in (3, 7)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    assert [each.name for each in network.predict(file.getvalue())] == ["3"]
    assert [each.name for each in network.predict(Image.new("L", (1, 1)))] == []
