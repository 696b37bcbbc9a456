"""The settings of `mnist-mlp fit | validate | test | predict` beside those of model, data and Trainer, and defaults."""

from collections.abc import Iterator, Sequence
from typing import Literal

from lightning.pytorch.cli import LightningArgumentParser

from mnist_mlp.dashboard.panels import Dashboard
from mnist_mlp.fit.settings import LOG_DIR
from mnist_mlp.shipped.files import config_file

DEFAULTS = {
    "trainer.default_root_dir": LOG_DIR,
    "trainer.max_epochs": 10,
    "trainer.enable_model_summary": False,
    "model.num_inputs": None,  # the data decides
    "model.num_classes": None,
    # as the class has it, but in words that a config file holds, and whose parts can be set one by one
    "model.optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1}},
}


def add_arguments(parser: LightningArgumentParser, command: str) -> None:
    """Give the parser of a command, fit, validate, test or predict, its settings and their defaults."""
    if command == "fit":
        parser.add_argument(
            "--lr_find",
            type=Literal["suggest", "train"] | None,
            default=None,
            help="Try learning rates, print the one where the cost falls fastest, and draw them; train trains with it",
        )
    parser.add_argument(
        "--name",
        type=str | None,
        default=None,
        help="The run's folder in the log folder (default: the name of the configuration file)",
    )
    parser.add_argument(
        "--weights",
        type=str | None,
        default=None,
        help="Begin a new run from the weights of this checkpoint: best, last, or a path (--ckpt_path continues a run)",
    )
    parser.add_argument(
        "--dashboard",
        type=Dashboard,
        default=Dashboard(),
        help="What TensorBoard shows besides costs and accuracies",
    )
    parser.add_argument(
        "--trust",
        action="store_true",
        help="Let a run that is continued or measured name classes of other packages than torch and Lightning",
    )
    parser.link_arguments("seed_everything", "data.seed", compute_fn=int)
    parser.set_defaults(DEFAULTS)


def with_configs_found(typed: Sequence[str]) -> Iterator[str]:
    """What is typed, with the path of a configuration that comes with the package in the place of its name.

    Raises:
        ValueError: if there is no such configuration.
    """
    before = ""
    for word in typed:
        option, equals, value = word.partition("=")
        if option == "--config" and equals:
            yield f"--config={config_file(value)}"
        else:
            yield str(config_file(word)) if before in ("--config", "-c") else word
        before = word
