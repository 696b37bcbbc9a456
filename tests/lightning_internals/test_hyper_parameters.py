import numpy as np
from lightning import LightningModule

from mnist_mlp.lightning_internals.hyper_parameters import PlainHyperparameters


class Module(PlainHyperparameters, LightningModule):
    def __init__(self, rate, sizes=(1,)):
        super().__init__()
        self.save_hyperparameters()


class Special(Module):
    def __init__(self, factor, **others):
        super().__init__(**others)


def test_hyper_parameters_are_pythons_own():
    module = Special(np.float32(0.5), rate=np.float64(0.25), sizes=[np.int64(3)])
    for kept in (module.hparams, module.hparams_initial):
        assert repr(dict(sorted(kept.items()))) == "{'factor': 0.5, 'rate': 0.25, 'sizes': [3]}"
