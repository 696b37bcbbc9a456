import io
from typing import Any, cast

import numpy as np
from PIL import Image
from tensorboard import data_compat
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from tensorboard.compat.proto import summary_pb2
from torch.utils.tensorboard.writer import SummaryWriter

from mnist_mlp.dashboard.panel import add_picture
from mnist_mlp.dashboard.run_log import read_run


def test_a_picture_is_written_with_its_caption(tmp_path):
    picture = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    with SummaryWriter(tmp_path) as writer:
        add_picture(writer, "val/some", picture // 2, "Not the last", 1)
        add_picture(writer, "val/some", picture, "Some pixels", 7)
    image = read_run(tmp_path).images["val/some"]
    assert (image.step, image.caption) == (7, "Not the last")  # TensorBoard, too, takes the first of a tag
    with Image.open(io.BytesIO(image.png)) as decoded:
        assert np.array_equal(np.asarray(decoded), picture)


def test_tensorboard_shows_the_caption_as_a_description(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        add_picture(writer, "some", np.zeros((4, 5, 3), dtype=np.uint8), "Some pixels", 0)
    (file,) = tmp_path.glob("events*")
    *_, event = LegacyEventFileLoader(str(file)).Load()
    (value,) = data_compat.migrate_event(event).summary.value
    assert value.metadata.plugin_data.plugin_name == "images"
    assert value.metadata.summary_description == "Some pixels"
    (written,) = next(event for event in LegacyEventFileLoader(str(file)).Load() if event.summary.value).summary.value
    assert (
        written.metadata.data_class == cast(Any, summary_pb2).DATA_CLASS_BLOB_SEQUENCE
    )  # else the fast loader drops it
    assert value.tensor.string_val[:2] == [b"5", b"4"]
