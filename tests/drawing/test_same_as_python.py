"""What the page computes is what Python computes: the picture that is saved, read by Python, gives the same."""

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from drawing.conftest import draw_strokes, network, put_ink, readings, result, saved_png
from drawing.strokes import ONE, SIDE, THREE, enlarged, lines_through
from PIL import Image
from scipy import ndimage
from sklearn.datasets import load_digits

from mnist_mlp import MNISTDataModule, load
from mnist_mlp.equations import ACTIVATIONS
from mnist_mlp.fit import prepare
from mnist_mlp.handwriting import centring

pytestmark = pytest.mark.usefixtures("without_shape_checks")
CLOSE = 1e-3


def largest_difference(page, trained):
    """Of a probability, between the page and Python; all else must be the same."""
    expected = trained.predict(saved_png(page))
    found = readings(page)
    assert [each["name"] for each in found] == [each.name for each in expected]
    assert [tuple(each["box"]) for each in found] == [each.box for each in expected]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(np.reshape(one["image"], (28, 28)), other.image)
    pairs = [(one["probabilities"], other.probabilities) for one, other in zip(found, expected, strict=True)]
    return max((float(np.abs(np.subtract(*pair)).max()) for pair in pairs), default=0.0)


def drawn_in_all_ways(page, images, rng):
    """Draw each image, every other one as strokes and as an enlarged image; yields after each drawing."""
    for i, image in enumerate(images):
        zoom = rng.uniform(4, 16) * 28 / len(image)
        left, top = (int(rng.integers(2, SIDE - zoom * len(image) - 2)) for _ in range(2))
        if i % 2:
            put_ink(page, enlarged(image, zoom, left, top))
        else:
            draw_strokes(page, lines_through(image, zoom, left, top))
        yield i


def trained_on(folder, dataset, hidden_sizes, epochs):
    """A network that was trained a little."""
    prepare(
        "fit",
        model={
            "hidden_sizes": hidden_sizes,
            "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.004}},
        },
        data={"dataset": dataset, "val_size": 300, "normalize": True, "batch_size": 50, "steps_per_execution": "auto"},
        trainer={
            "max_epochs": epochs,
            "enable_progress_bar": False,
            "default_root_dir": str(folder),
            "accelerator": "cpu",
        },
        name="run",
        dashboard={"enabled": False},
    ).execute()
    return load(folder / "run" / "version_0" / "checkpoints" / "best.ckpt")


@pytest.fixture(scope="module")
def of_digits(tmp_path_factory):
    """A network that was trained on scikit-learn's digits."""
    return trained_on(tmp_path_factory.mktemp("logs"), "digits", [40], 6)


def test_drawings_give_the_same(opened, of_digits):
    page = opened(of_digits)
    images = (np.reshape(load_digits(return_X_y=True)[0], (-1, 8, 8))[:40] * 15.9).astype(np.uint8)
    images = [np.array(Image.fromarray(np.pad(each, 1)).resize((28, 28), Image.Resampling.BICUBIC)) for each in images]
    for _ in drawn_in_all_ways(page, images, np.random.default_rng(0)):
        assert readings(page)
        assert largest_difference(page, of_digits) < CLOSE


@pytest.mark.mnist
def test_300_drawings_of_test_images_give_the_same(opened, tmp_path):
    data = MNISTDataModule()
    data.setup("test")
    images = data.test_images.images.view(-1, 28, 28).numpy()[::33][:300]
    trained = trained_on(tmp_path, "mnist", [512], 1)
    page = opened(trained)
    differences = []
    for _ in drawn_in_all_ways(page, images, np.random.default_rng(1)):
        differences.append(largest_difference(page, trained))
        assert len(readings(page)) >= 1
    print(f"largest difference of a probability: {max(differences):.1e}")
    assert len(differences) == 300
    assert max(differences) < CLOSE


def test_several_digits_are_found_in_the_same_order(opened, of_digits):
    page = opened(of_digits)
    rng = np.random.default_rng(2)
    shapes = [np.array(THREE) - 70, np.array(ONE) - [220, 70]]
    counts = []
    for _ in range(25):
        strokes = []
        for _ in range(rng.integers(1, 6)):
            shape = shapes[rng.integers(2)] * rng.uniform(0.1, 0.6)
            place = rng.uniform(20, 460 - shape.max(axis=0))
            strokes.append((shape + place).tolist())
        draw_strokes(page, strokes)
        assert largest_difference(page, of_digits) < CLOSE
        counts.append(len(readings(page)))
    assert max(counts) > 2


@pytest.mark.parametrize(
    "strokes",
    [
        [[[240, 240]]],
        [[[0, 0]]],
        [[[-50, 200], [600, 220]]],
        [[[100, 100], [380, 100]], [[240, 100], [240, 250]], [[150, 350], [330, 350]]],
        [[[100, 100], [200, 100]], [[260, 130], [240, 200]], [[230, 240], [170, 330]], [[100, 380], [240, 385]]],
        [[[240, 60], [240, 420]], [[60, 240], [420, 240]]],
        [[[200, 60], [200, 340]], [[190, 440], [260, 440]]],
        [[[x, y], [x, y]] for x in range(20, 470, 40) for y in range(20, 470, 40)],
        [[[x, y], [x + 4, y + 50]] for x in range(20, 470, 55) for y in range(20, 420, 90)],
        [[[20, 40 + 8 * x], [460, 40 + 8 * x]] for x in range(2)] + [[[20, 200], [460, 460]]],
    ],
    ids=[
        "dot",
        "corner",
        "border to border",
        "specks",
        "broken",
        "cross",
        "foot apart",
        "many dots",
        "many digits",
        "lines",
    ],
)
def test_what_is_no_digit_is_found_as_python_finds_it(opened, strokes):
    trained = network(20)
    page = opened(trained)
    draw_strokes(page, strokes)
    assert largest_difference(page, trained) < CLOSE


def test_an_empty_sheet_has_no_digit(opened):
    trained = network(20)
    page = opened(trained)
    assert readings(page) == trained.predict(saved_png(page)) == []


OUTPUTS: dict[str, dict[str, Any]] = {
    "softmax": {"cost": "cross_entropy"},
    "binary": {"cost": "binary_cross_entropy"},
    **{name: {"cost": "quadratic", "output_activation": name} for name in ACTIVATIONS},
}


@pytest.mark.parametrize(("activation", "output"), [*product(ACTIVATIONS, ["softmax"]), *product(["tanh"], OUTPUTS)])
def test_every_activation_gives_the_same(opened, activation, output):
    trained = network(30, 20, activation=activation, **OUTPUTS[output])
    page = opened(trained)
    draw_strokes(page, [THREE])
    assert largest_difference(page, trained) < CLOSE
    assert_activations_are_pythons(page, trained)


def assert_activations_are_pythons(page, trained):
    (digit,) = trained.predict(saved_png(page))
    a = trained.inputs(digit.image[None])
    found = result(page, "page.reading.activations.map((a) => [...a])")
    for values, layer, sigma in zip(found, trained.mlp.layers, [*trained.mlp.sigmas, None], strict=True):
        np.testing.assert_allclose(values, a[0].numpy(), atol=1e-3)
        z = layer(a).detach()
        a = sigma.function(z) if sigma else z
    np.testing.assert_allclose(result(page, "[...page.reading.z]"), a[0].numpy(), atol=2e-3)


@pytest.mark.parametrize(
    "settings",
    [
        {"mean": 0.1307, "std": 0.3081},
        {"size": 32, "mean": 0.1, "std": 0.28},
        {"names": tuple("abcdefghijklmnopqrstuvwxyz")},
        {"names": ("yes", "no")},
    ],
    ids=lambda settings: ", ".join(settings),
)
@pytest.mark.parametrize("hidden", [(), (10,), (2500,), (30, 20, 15, 10, 12)], ids=str)
def test_every_shape_gives_the_same(opened, hidden, settings):
    trained = network(*hidden, **settings)
    page = opened(trained)
    draw_strokes(page, [THREE])
    assert largest_difference(page, trained) < CLOSE
    assert_activations_are_pythons(page, trained)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("size", [28, 30])
def test_what_speaks_for_an_output_is_the_gradient_times_the_ink(opened, activation, size):
    trained = network(25, 15, activation=activation, mean=0.13, std=0.3, size=size)
    page = opened(trained)
    draw_strokes(page, [THREE])
    (digit,) = trained.predict(saved_png(page))
    x = trained.inputs(digit.image[None]).requires_grad_()
    z = trained.mlp(x)
    for j in (0, 7):
        (slope,) = torch.autograd.grad(z[0, j], x, retain_graph=True)
        ink = x.detach() * trained.std + trained.mean
        expected = (slope / trained.std * ink)[0].numpy()
        shares = page.evaluate("j => [...page.network.contributions(j, page.reading.activations)]", j)
        np.testing.assert_allclose(shares, expected, atol=1e-4)
        if activation in ("relu", "identity"):  # the constant is what the same linear map gives for no ink
            constant = z[0, j].item() - (slope * (x.detach() + trained.mean / trained.std)).sum().item()
            assert abs(sum(shares) + constant - z[0, j].item()) < 1e-3


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ((50, 37), (20, 13)),
        ((25, 25), (20, 20)),
        ((13, 20), (80, 71)),
        ((9, 9), (9, 4)),
        ((110, 32), (20, 6)),
        ((32, 85), (8, 20)),
    ],
)
@pytest.mark.parametrize("kind", ["BOX", "BICUBIC"])
def test_pictures_are_resized_as_pillow_does_it(opened, old, new, kind):
    page = opened(network(10))
    values = np.random.default_rng(0).random(old[::-1], dtype=np.float32)
    expected = np.asarray(Image.fromarray(values).resize(new, Image.Resampling[kind]))
    found = page.evaluate(
        "([values, width, height, w, h, kind]) => [...resized({ width, height, values: Float32Array.from(values) },"
        " w, h, kind === 'BOX' ? BOX_FILTER : BICUBIC_FILTER).values]",
        [values.ravel().tolist(), *old, *new, kind],
    )
    np.testing.assert_allclose(np.reshape(found, new[::-1]), expected, rtol=0, atol=1e-6)


def test_distances_are_exact(opened):
    page = opened(network(10))
    shape = np.random.default_rng(0).random((30, 43)) < 0.93
    for inside in (1, 0):
        expected = np.asarray(ndimage.distance_transform_edt(shape if inside else ~shape))
        found = page.evaluate(
            "([values, inside]) => [...distances({ width: 43, height: 30, values }, inside).values]",
            [shape.ravel().astype(int).tolist(), inside],
        )
        np.testing.assert_allclose(np.reshape(found, shape.shape), expected, rtol=1e-12)


def test_halves_are_rounded_as_python_does_it(opened):
    page = opened(network(10))
    numbers = [0.5, 1.5, 2.5, 2.4999, 7.5001, 3, -0.5, -1.5]
    assert page.evaluate("numbers => numbers.map(rounded)", numbers) == [round(number) for number in numbers]


def test_a_stroke_of_any_width_becomes_mnists(opened):
    """Thin, usual and thick strokes go three ways in centring.py."""
    trained = network(20)
    page = opened(trained)
    widths = []
    for zoom in (0.25, 0.5, 1.0):
        draw_strokes(page, [(np.array(THREE) * zoom).tolist()])
        assert largest_difference(page, trained) < CLOSE
        (reading,) = readings(page)
        widths.append(centring.stroke_width(np.reshape(reading["image"], (28, 28)) > 127))
    assert max(widths) < 5
