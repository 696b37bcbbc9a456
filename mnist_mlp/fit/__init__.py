"""`mnist-mlp fit | validate | test | predict`: runs, their settings and their checkpoints.

May import: console, shipped, equations, network, lightning_internals, bare_loop, data, training, dashboard.
One more setting: an argument of `MLPClassifier`, `MNISTDataModule` or `Dashboard`, which the command line then has too.
"""

from mnist_mlp.fit.session import TrainingSession, prepare

__all__ = ["TrainingSession", "prepare"]
