import dataclasses

from lightning import Callback, Trainer
from lightning.pytorch.loops.progress import _BatchProgress

from mnist_mlp import MLPClassifier, MNISTDataModule
from mnist_mlp.lightning_internals.step_counters import batches_allowed, batches_before, count_batches, count_updates


def fitted(tmp_path, data, **settings):
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    trainer = Trainer(default_root_dir=tmp_path, enable_model_summary=False, **quiet, **settings)
    trainer.fit(MLPClassifier([4]), data)
    return trainer


def test_an_epoch_ends_where_the_counters_say_so():
    """It would not, silently, if Lightning no longer read this field."""
    assert "is_last_batch" in {field.name for field in dataclasses.fields(_BatchProgress)}


def test_mini_batches_that_lightning_did_not_make_are_counted(tmp_path):
    seen = []

    class Skip(Callback):
        """Claims, at the first mini-batch, to have made five more, and leaves so many out."""

        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            seen.append((batches_before(trainer), trainer.global_step))
            if len(seen) == 1:
                count_batches(trainer, 5)
                count_updates(trainer, 5)

    data = MNISTDataModule("digits", batch_size=50, val_size=300)
    trainer = fitted(tmp_path, data, max_epochs=1, callbacks=[Skip()])
    batches = trainer.num_training_batches
    assert seen[:3] == [(0, 0), (6, 6), (7, 7)]
    assert trainer.global_step == batches
    assert len(seen) == batches - 5


def test_an_epoch_that_a_block_completes_is_over(tmp_path):
    class Skip(Callback):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            count_batches(trainer, int(trainer.num_training_batches) - 1)
            count_updates(trainer, int(trainer.num_training_batches) - 1)

    data = MNISTDataModule("digits", batch_size=50, val_size=300)
    trainer = fitted(tmp_path, data, max_epochs=3, callbacks=[Skip()])
    assert trainer.global_step == 3 * trainer.num_training_batches


def test_lightning_asks_for_an_update_where_the_counted_mini_batches_end_an_accumulation(tmp_path):
    class Skip(Callback):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            if batch_idx == 0:
                count_batches(trainer, 2)

    data = MNISTDataModule("digits", batch_size=50, val_size=300)
    trainer = fitted(tmp_path, data, max_epochs=1, accumulate_grad_batches=3, limit_train_batches=4, callbacks=[Skip()])
    assert trainer.global_step == 2  # after the third, which is the first that Lightning makes, and after the fourth


def test_limits_are_counted_in_mini_batches(tmp_path):
    seen = []

    class Ask(Callback):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            seen.append(batches_allowed(trainer, 100))

    data = MNISTDataModule("digits", batch_size=50, val_size=300)
    limits = {"max_steps": 3, "accumulate_grad_batches": 2}
    fitted(tmp_path, data, limit_train_batches=8, callbacks=[Ask()], **limits)
    assert seen == [6, 5, 4, 3, 2, 1]
    seen.clear()
    fitted(tmp_path, data, max_epochs=1, limit_train_batches=3, callbacks=[Ask()])
    assert seen == [3, 2, 1]
