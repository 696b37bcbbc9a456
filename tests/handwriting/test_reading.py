import numpy as np
import pytest
from handwriting.drawing import file_of, image_of, overlap, page
from PIL import Image

from mnist_mlp.handwriting import find_digits
from mnist_mlp.handwriting.reading import MOST_PIXELS, read_picture

THREE = page((3, 130, 70))


def only(picture):
    (digit,) = find_digits(picture)
    return digit


def assert_read(picture, share=0.85):
    """What is found in a picture is what is found in THREE."""
    shared = overlap(only(image_of(THREE)).image, only(picture).image)
    assert shared > share


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "I", "F", "I;16"])
def test_every_mode_is_read(mode):
    image = image_of(THREE)
    if mode == "I;16":
        image = Image.fromarray((THREE * 250).astype(np.uint16))
    elif mode == "1":
        image = Image.fromarray(THREE > 130)
    elif mode == "LAB":
        image = Image.merge("LAB", [image, Image.new("L", image.size, 128), Image.new("L", image.size, 128)])
    else:
        image = image.convert("RGB").convert(mode) if mode in ("P", "CMYK", "YCbCr", "HSV") else image.convert(mode)
    assert image.mode == mode
    assert_read(image)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_every_file_is_read(kind, tmp_path):
    content = file_of(image_of(THREE), kind)
    path = tmp_path / "picture"
    path.write_bytes(content)
    for picture in (content, path, str(path)):
        assert_read(picture)


@pytest.mark.parametrize("shape", [(300, 400), (300, 400, 1), (300, 400, 2), (300, 400, 3), (300, 400, 4)])
def test_arrays_of_every_shape_are_read(shape):
    array = np.full(shape, 255, dtype=np.uint8)
    channels = shape[2] if len(shape) == 3 else 1
    grey = THREE.astype(np.uint8)
    if len(shape) == 2:
        array[:] = grey
    else:
        array[:, :, : channels - (channels in (2, 4))] = grey[:, :, None]
    assert_read(array, 0.99)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.uint16, bool])
def test_arrays_of_other_numbers_are_stretched(dtype):
    array = (
        THREE > 130 if dtype is bool else (THREE / 255 if dtype in (np.float32, np.float64) else THREE).astype(dtype)
    )
    assert_read(array)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_exif_says(orientation):
    upright = image_of(THREE)
    turns = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    stored = upright
    for turn in turns.get(orientation, []):
        stored = stored.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    digit = only(file_of(stored, "JPEG", exif=exif, quality=95))
    shared = overlap(only(upright).image, digit.image)
    assert shared > 0.85
    assert np.abs(np.subtract(only(upright).box, digit.box)).max() <= 3


@pytest.mark.parametrize("grey", [0, 255])
def test_ink_on_nothing_is_ink_whatever_its_colour(grey):
    alpha = image_of(page((3, 130, 70), paper=0.0, dark=255.0))
    image = Image.merge("LA", [Image.new("L", alpha.size, grey), alpha])
    assert_read(image.convert("RGBA"))


def test_what_is_transparent_around_a_sheet_is_paper():
    sheet = image_of(THREE).convert("RGBA")
    sheet.putalpha(Image.fromarray(np.pad(np.full((280, 380), 255, np.uint8), 10)))
    assert_read(sheet)


def test_the_first_picture_of_an_animation_is_read():
    content = file_of(image_of(THREE), "GIF", save_all=True, append_images=[image_of(page((7, 130, 70)))])
    assert_read(content)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_boxes_are_in_the_pixels_of_the_original(kind):
    grey = page((3, 1000, 400, 900), size=(1500, 2000))
    ink_rows, ink_columns = np.nonzero(grey < 130)
    expected = ink_columns.min(), ink_rows.min(), ink_columns.max() + 1, ink_rows.max() + 1
    assert np.abs(np.subtract(only(file_of(image_of(grey), kind)).box, expected)).max() <= 13


def test_a_bomb_is_refused_unread():
    side = int(MOST_PIXELS**0.5) + 1
    content = file_of(Image.new("1", (side, side)), "TIFF", compression="group4")
    with pytest.raises(ValueError, match=r"pixels"):
        read_picture(content)
    with pytest.raises(ValueError, match=r"pixels"):
        read_picture(file_of(Image.new("1", (20_000, 20_000)), "PNG"))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "WEBP"])
def test_a_truncated_file_is_refused(kind):
    content = file_of(image_of(THREE + np.random.default_rng(0).normal(0, 9, THREE.shape)), kind)
    with pytest.raises(ValueError, match=r"^these bytes cannot be read as a picture: ") as refused:
        find_digits(content[: len(content) // 2])
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_refused(content, tmp_path):
    path = tmp_path / "file.png"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"file\.png cannot be read as a picture"):
        find_digits(path)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (7, "got int"),
        ("nowhere.png", "nowhere.png is not a file"),
        (".", "is not a file"),
        (np.zeros((2, 3, 5)), "got \\(2, 3, 5\\)"),
        (np.zeros(5), "got \\(5,\\)"),
        (np.zeros((0, 5)), "got \\(0, 5\\)"),
        (np.full((5, 5), np.nan), "finite"),
        (np.full((5, 5), "a"), "must hold numbers"),
        (np.zeros((5, 5), complex), "must hold numbers"),
    ],
)
def test_what_cannot_hold_a_picture_is_refused(picture, message):
    with pytest.raises(ValueError, match=message):
        find_digits(picture)
