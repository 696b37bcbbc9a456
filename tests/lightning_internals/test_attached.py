from lightning import Trainer

from mnist_mlp import MLPClassifier
from mnist_mlp.lightning_internals.attached import is_in_a_trainer


def test_a_model_is_in_a_trainer_once_it_was_given_one():
    model = MLPClassifier([4])
    assert not is_in_a_trainer(model)
    model.trainer = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    assert is_in_a_trainer(model)
