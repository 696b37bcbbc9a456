"""`mnist-mlp fit | validate | test | predict`: what is typed, prepared and run."""

from mnist_mlp.fit.session import TrainingSession, prepare


def run(args: list[str]) -> TrainingSession:
    """Run one sub-command, such as ["fit", "--config", "configs/quickstart.yaml"].

    Raises:
        ValueError: if a setting is unknown, or its value makes no sense.
        FloatingPointError: if the training diverged.
    """
    session = build(args)
    session.execute()
    return session


def build(args: list[str]) -> TrainingSession:
    """Prepare one sub-command, without running it."""
    subcommand, *typed = args
    return prepare(subcommand, typed=typed)
