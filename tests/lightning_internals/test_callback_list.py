"""Fails where a Trainer keeps its callbacks elsewhere, or calls them in another order."""

from lightning import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from mnist_mlp.lightning_internals.callback_list import callbacks_of


def test_callbacks_keep_their_order_and_checkpoints_come_last(tmp_path):
    first, second, checkpoint = Callback(), Callback(), ModelCheckpoint(tmp_path)
    trainer = Trainer(accelerator="cpu", logger=False, callbacks=[first, checkpoint, second])
    callbacks = callbacks_of(trainer)
    assert callbacks[0] is first
    assert callbacks[1] is second
    assert callbacks[-1] is checkpoint
