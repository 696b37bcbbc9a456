"""`mnist-mlp fit | validate | test | predict`: what is typed, prepared and run."""

from collections.abc import Sequence

from mnist_mlp.fit.learning_rate import suggested_rate
from mnist_mlp.fit.session import prepare


def fit(args: Sequence[str]) -> None:
    """Run `mnist-mlp fit` with these arguments; with --lr_find first, or only, suggest a learning rate.

    Raises:
        ValueError: if a setting is unknown, or its value makes no sense.
        FloatingPointError: if the training diverged.
        InterruptedError: if a signal stopped it.
    """
    session = prepare("fit", typed=args)
    if session.config.lr_find:
        wish, rate = session.config.lr_find, suggested_rate(session)
        if wish == "suggest":
            return
        session = prepare("fit", typed=[*args, f"--model.optimizer.lr={rate}", "--lr_find=null"])
    session.execute()


def validate(args: Sequence[str]) -> None:
    """Run `mnist-mlp validate`."""
    prepare("validate", typed=args).execute()


def test(args: Sequence[str]) -> None:
    """Run `mnist-mlp test`."""
    prepare("test", typed=args).execute()


def predict(args: Sequence[str]) -> None:
    """Run `mnist-mlp predict`."""
    prepare("predict", typed=args).execute()
