"""`mnist-mlp fit | validate | test | predict`: what is typed, prepared and run."""

from collections.abc import Sequence

from mnist_mlp.fit.session import prepare


def fit(args: Sequence[str]) -> None:
    """Run `mnist-mlp fit` with these arguments.

    Raises:
        ValueError: if a setting is unknown, or its value makes no sense.
        FloatingPointError: if the training diverged.
        InterruptedError: if a signal stopped it.
    """
    prepare("fit", typed=args).execute()


def validate(args: Sequence[str]) -> None:
    """Run `mnist-mlp validate`."""
    prepare("validate", typed=args).execute()


def test(args: Sequence[str]) -> None:
    """Run `mnist-mlp test`."""
    prepare("test", typed=args).execute()


def predict(args: Sequence[str]) -> None:
    """Run `mnist-mlp predict`."""
    prepare("predict", typed=args).execute()
