"""The command `mnist-mlp`: picks the sub-command, and turns bad input into one sentence."""

import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from importlib import import_module
from importlib.metadata import version

COMMANDS = {
    "fit": "train a network; writes logs/<name>/version_N/",
    "validate": "measure a checkpoint on the validation images",
    "test": "measure a checkpoint on the test images",
    "predict": "classify the validation images with a checkpoint",
    "verify": "compare the hand-written gradients with autograd's and with central differences",
    "benchmark": "time a training beside what others would write",
    "reproduce": "train published recipes, and set what they reach beside what was published",
    "dashboard": "start TensorBoard and print its address",
    "report": "write a run into one HTML file",
    "lessons": "give lessons: small programs that show one thing each",
}

TOOLS = {  # the commands that are not the trainer's, and the module of each
    "verify": "verification.command",
    "benchmark": "benchmark.command",
    "reproduce": "reproduction.command",
    "dashboard": "dashboard.server",
    "report": "dashboard.report",
    "lessons": "lessons.command",
}

EXAMPLES = """examples:
  mnist-mlp fit --config configs/quickstart.yaml        train on scikit-learn's digits, offline
  mnist-mlp fit --config configs/mnist.yaml --model.hidden_sizes [800]
  mnist-mlp test --ckpt_path best                       the newest run's best checkpoint
  mnist-mlp fit --help                                  every setting
"""


def main(argv: list[str] | None = None) -> None:
    """Run `mnist-mlp` with the given arguments, by default those of the process.

    Raises:
        SystemExit: with status 1 if the input makes no sense, 2 if the command line is wrong.
    """
    args = sys.argv[1:] if argv is None else argv
    parser = ArgumentParser(
        "mnist-mlp",
        description="The multilayer perceptron on MNIST.",
        epilog=EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=version("mnist-mlp"))
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    for name, summary in COMMANDS.items():
        commands.add_parser(name, help=summary, add_help=False)
    parser.parse_args(args[:1])

    try:
        # Imported here, because torch and Lightning take seconds and --help needs neither.
        if args[0] in TOOLS:
            sys.exit(import_module(f"mnist_mlp.{TOOLS[args[0]]}").run(args[1:]))

        from mnist_mlp.fit import command as training

        training.run(args)
    except Exception as error:
        if os.environ.get("MNIST_MLP_TRACEBACK"):
            raise
        sentence = " ".join(str(error).split())
        expected = isinstance(error, (ValueError, OSError, FloatingPointError))
        unexpected = "" if expected else f" ({type(error).__name__}; MNIST_MLP_TRACEBACK=1 shows where)"
        sys.exit(f"mnist-mlp: error: {sentence}{unexpected}")
    except KeyboardInterrupt:
        sys.exit("mnist-mlp: interrupted")
