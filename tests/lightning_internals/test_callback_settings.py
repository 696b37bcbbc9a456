from lightning import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.tuner.tuning import Tuner

from mnist_mlp import MLPClassifier, MNISTDataModule
from mnist_mlp.lightning_internals.callback_settings import LearningRateSearch, saves_between_steps


def test_checkpoints_between_steps_are_seen():
    assert saves_between_steps(ModelCheckpoint(every_n_train_steps=10))
    assert not saves_between_steps(ModelCheckpoint(every_n_epochs=1))
    assert not saves_between_steps(ModelCheckpoint())


def test_the_learning_rate_search_is_the_callback_that_lightning_adds(tmp_path):
    seen = []

    class Model(MLPClassifier):
        lr = 0.1

        def on_train_start(self):
            seen.extend(self.trainer.callbacks)  # pyright: ignore[reportAttributeAccessIssue]

    trainer = Trainer(
        max_epochs=1, default_root_dir=tmp_path, logger=False, enable_progress_bar=False, accelerator="cpu"
    )
    data = MNISTDataModule("digits", val_size=300)
    Tuner(trainer).lr_find(Model([4]), data, num_training=3, update_attr=False)
    assert any(isinstance(callback, LearningRateSearch) for callback in seen)
