from lightning import Callback, Trainer

from mnist_mlp import MLPClassifier, MNISTDataModule
from mnist_mlp.lightning_internals.epoch_names import EpochsFromOne


def names(tmp_path, max_epochs, **settings):
    seen, bar = [], EpochsFromOne()

    class Watch(Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            seen.append(bar.train_progress_bar.description)

    quiet = {"logger": False, "enable_checkpointing": False, "accelerator": "cpu", "enable_model_summary": False}
    trainer = Trainer(default_root_dir=tmp_path, callbacks=[bar, Watch()], max_epochs=max_epochs, **quiet, **settings)
    trainer.fit(MLPClassifier([4]), MNISTDataModule("digits", batch_size=1137, val_size=300))
    return seen


def test_epochs_count_from_1(tmp_path):
    assert names(tmp_path, 2) == ["epoch 1 of 2", "epoch 2 of 2"]


def test_a_training_without_an_end_has_no_last_epoch(tmp_path):
    assert names(tmp_path, -1, max_steps=2) == ["epoch 1", "epoch 2"]
