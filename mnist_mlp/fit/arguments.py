"""The settings of `mnist-mlp fit | validate | test | predict` beside those of model, data and Trainer; and the help."""

from argparse import SUPPRESS
from collections.abc import Iterator, Sequence
from typing import Literal

from lightning.pytorch.cli import LightningArgumentParser

from mnist_mlp.dashboard.panels import Dashboard
from mnist_mlp.fit.settings import LOG_DIR
from mnist_mlp.lightning_internals.parser_help import HelpOnSettings, Section, Words
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

RUN = ("help", "config", "print_config", "name", "seed_everything", "ckpt_path", "weights", "lr_find", "trust")
TRAINER = ("max_epochs", "default_root_dir", "accelerator", "devices", "precision", "gradient_clip_val", "callbacks")
SECTIONS = (
    Section("run", "", RUN),
    Section("network", "model.", None),
    Section("data", "data.", None),
    Section("distortions of the training images", "data.augmentation.", None),
    Section("what TensorBoard shows besides costs and accuracies", "dashboard.", None),
    Section(
        "training, by Lightning's Trainer (--help all shows all it can be told)",
        "trainer.",
        [f"trainer.{name}" for name in TRAINER],
    ),
)
EXAMPLES = {  # as they are typed
    "config": "quickstart",
    "name": "first",
    "seed_everything": "1",
    "ckpt_path": "last",
    "weights": "best",
    "lr_find": "suggest",
    "help": "all",
    "model.hidden_sizes": '"[300,100]"',
    "model.activation": "tanh",
    "model.cost": "quadratic",
    "model.initializer": "large",
    "model.output_activation": "sigmoid",
    "model.dropout": "0.5",
    "model.input_dropout": "0.2",
    "model.l1": "0.1",
    "model.l2": "5.0",
    "model.max_norm": "2.0",
    "model.adversarial": "0.1",
    "model.gradients": "manual",
    "model.optimizer": "Adam --model.optimizer.lr 0.001",
    "model.optimizer.help": "Adam",
    "model.scheduler": "ExponentialLR --model.scheduler.gamma 0.9",
    "model.scheduler.help": "ExponentialLR",
    "model.scheduler_interval": "step",
    "model.num_inputs": "784",
    "model.num_classes": "10",
    "data.dataset": "digits",
    "data.data_dir": "~/data",
    "data.batch_size": "32",
    "data.val_size": "5000",
    "data.train_size": "1000",
    "data.drawn_digits": "60000",
    "data.image_size": "29",
    "data.steps_per_execution": "auto",
    "data.augmentation.rotation": "15",
    "data.augmentation.shear": "15",
    "data.augmentation.scaling": "0.15",
    "data.augmentation.translation": "2",
    "data.augmentation.alpha": '"[36,38]"',
    "data.augmentation.sigma": '"[5,6]"',
    "data.augmentation.halved_for": '"[1,7]"',
    "trainer.max_epochs": "20",
    "trainer.accelerator": "cpu",
    "trainer.default_root_dir": "runs",
    "trainer.gradient_clip_val": "1.0",
    "trainer.callbacks": "EarlyStopping --trainer.callbacks.monitor val/loss",
    "trainer.precision": "bf16-mixed",
    "trainer.devices": "1",
}
TEXTS = {  # where the docstring is Lightning's, or is of more than the setting
    "config": "A configuration: a file, or the name of one that mnist-mlp configs lists. What is typed wins over it.",
    "seed_everything": "What all random numbers are drawn from. (default: 0)",
    "print_config": "Print all settings as a configuration file, and do nothing.",
    "model.optimizer.help": "Show the settings of an optimizer.",
    "model.scheduler.help": "Show the settings of a scheduler.",
    "model.optimizer": "Any torch optimizer (default: SGD with lr 0.1).",
    "trainer.max_epochs": "How many epochs there are (default: 10).",
    "trainer.accelerator": "cpu, gpu, mps or auto (default: auto).",
    "trainer.devices": "How many processes train, on a device each (default: auto).",
    "trainer.precision": "32-true, 64-true, 16-mixed, bf16-mixed, ... (default: 32-true).",
    "trainer.callbacks": "One of Lightning's, or the path of a class of one's own; --trainer.callbacks+ adds one more.",
    "trainer.gradient_clip_val": "The largest norm of all gradients; longer ones are shrunk to it (default: no limit).",
    "trainer.default_root_dir": "The folder of all runs (default: logs).",
    "data.val_size": "How many of the last training images validate; 0 lets all train (default: those that the data "
    "set sets aside, else a sixth).",
}
CHECKPOINT = {
    "fit": "Go on with a training: best or last of the newest run, or the path of a checkpoint.",
    "others": "What is measured: best or last of the newest run, or the path of a checkpoint (default: best).",
}


def add_arguments(parser: LightningArgumentParser, command: str) -> None:
    """Give the parser of a command, fit, validate, test or predict, its settings, their defaults and their help."""
    texts = {**TEXTS, "ckpt_path": CHECKPOINT["fit" if command == "fit" else "others"]}
    end = "A configuration file has the same settings, by section: mnist-mlp configs quickstart copies one."
    parser.add_argument("-h", "--help", action=HelpOnSettings, words=Words(SECTIONS, EXAMPLES, texts, end))
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
        help="Begin a new run from the weights of this checkpoint: best, last, or a path (--ckpt_path continues a run)"
        if command == "fit"
        else SUPPRESS,  # others only read it in a run's config.yaml
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
