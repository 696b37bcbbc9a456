"""The settings that the data decides, where they are not given."""

from pathlib import Path
from typing import Any

from mnist_mlp.data.idx_files import data_folder
from mnist_mlp.data.images import IMAGE_SIZE
from mnist_mlp.data.sources import find_source
from mnist_mlp.fit.run_name import check_run_name

LARGEST_SIZE = 4096  # pixels along a side


def take_from_data(config: Any) -> None:
    """Fill in the pixels of an image, the number of classes, and the name of a run that no configuration file names.

    A single hidden layer may be given as a number: it becomes a list.

    Args:
        config: All settings of a session, by section.

    Raises:
        ValueError: if there is no such data, another number of classes or of pixels was given, or no run can have the
            name.
    """
    model, data = config.model, config.data
    if isinstance(model.hidden_sizes, int):
        model.hidden_sizes = [model.hidden_sizes]
    source = find_source(data.dataset, data_folder(data.data_dir))
    if config.name is None:
        files = [Path(str(path)).stem for path in config.config or [] if path is not None]
        config.name = files[-1] if files else source.name
    check_run_name(config.name)
    if not IMAGE_SIZE <= data.image_size <= LARGEST_SIZE:
        raise ValueError(
            f"data.image_size must be an integer of {IMAGE_SIZE} ... {LARGEST_SIZE}; got {data.image_size}"
        )
    if model.num_inputs is None:
        model.num_inputs = data.image_size**2
    if model.num_inputs != data.image_size**2:
        raise ValueError(
            f"model.num_inputs must be {data.image_size**2}, the pixels of images of data.image_size "
            f"{data.image_size}; got {model.num_inputs}: leave it out, and the data decides"
        )
    if model.num_classes is None:
        model.num_classes = len(source.class_names)
    if model.num_classes != len(source.class_names):
        raise ValueError(
            f"model.num_classes must be {len(source.class_names)}, the classes of {source.name}; "
            f"got {model.num_classes}: leave it out, and the data decides"
        )
