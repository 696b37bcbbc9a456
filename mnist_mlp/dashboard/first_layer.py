"""The first layer's weights as pictures."""

from typing import cast

from lightning import LightningModule, Trainer
from typing_extensions import override

from mnist_mlp.dashboard.panel import Panel, add_picture, writer_of
from mnist_mlp.dashboard.pictures import draw_weights
from mnist_mlp.network.evaluating import evaluating
from mnist_mlp.training.classifier import MLPClassifier


class FirstLayer(Panel):
    """The incoming weights of the first layer as images, after 0, 1, 2, 4 ... epochs."""

    def __init__(self) -> None:
        self._last_step = -1

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_step == 0:
            self._draw(trainer, pl_module)

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        epochs = trainer.current_epoch + 1
        if epochs & (epochs - 1) == 0:
            self._draw(trainer, pl_module)

    @override
    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._draw(trainer, pl_module)

    def _draw(self, trainer: Trainer, pl_module: LightningModule) -> None:
        writer, step = writer_of(trainer), trainer.global_step
        if writer and step > self._last_step:
            self._last_step = step
            with evaluating(pl_module):  # a weight that is parametrized may change by being looked at in training mode
                weight = getattr(cast(MLPClassifier, pl_module).mlp.layers[0], "weight", None)
            if weight is None:  # a layer of another kind
                return
            picture = draw_weights(weight)
            caption = "Incoming weights of the first layer: blue is negative, white 0, red positive"
            add_picture(writer, "weights/first_layer", picture, caption, step)
