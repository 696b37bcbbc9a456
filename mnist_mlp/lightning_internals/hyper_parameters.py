"""The hyper-parameters that Lightning keeps of a module, for its checkpoints and its loggers."""

import inspect
from argparse import Namespace
from collections.abc import MutableMapping

from lightning.pytorch.core.mixins.hparams_mixin import HyperparametersMixin
from typing_extensions import override

from mnist_mlp.plain_values import plain


class PlainHyperparameters(HyperparametersMixin):
    """A module whose hyper-parameters are plain values, of subclasses too: so its checkpoints load `weights_only`.

    Relies on `_set_hparams`, by which `save_hyperparameters` keeps what it has found.
    """

    @override
    def _set_hparams(self, hp: MutableMapping | Namespace | str) -> None:
        super()._set_hparams(plain(hp))


def settings_shown(module: HyperparametersMixin) -> str:
    """A module as the call that makes it, with those hyper-parameters that are not the defaults of its classes."""
    makers = (inspect.signature(each.__init__) for each in reversed(type(module).mro()))
    defaults = {name: each.default for maker in makers for name, each in maker.parameters.items()}
    shown = [f"{name}={value!r}" for name, value in module.hparams.items() if value != defaults.get(name)]
    return f"{type(module).__name__}({', '.join(shown)})"
