import pytest

from mnist_mlp.dashboard.run_log import read_run


def test_images_are_drawn_as_they_are_and_distorted(fit, events_of):
    run = fit("--data.augmentation.rotation=10", epochs=1)
    (image,) = events_of(run).Images("digits/distorted")
    assert (image.step, image.width, image.height) == (0, 10 * 86 + 2, 6 * 86 + 2)
    assert "distorts" in read_run(run).images["digits/distorted"].caption


@pytest.mark.parametrize("args", [[], ["--data.augmentation.rotation=10", "--dashboard.distortions=false"]])
def test_nothing_is_drawn_where_nothing_is_distorted_or_it_is_switched_off(fit, events_of, args):
    assert "digits/distorted" not in events_of(fit(*args, epochs=1)).Tags()["images"]
