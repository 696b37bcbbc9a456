from typing import Any

import pytest
import torch
from lightning import LightningModule, Trainer
from torch.utils.data import BatchSampler, DataLoader, TensorDataset

from mnist_mlp.lightning_internals.loader_classes import CHANGED, restored_after_an_error


class Refusing(LightningModule):
    def train_dataloader(self):
        with restored_after_an_error():
            raise ValueError("refused")

    def training_step(self, batch, batch_idx): ...

    def configure_optimizers(self):
        return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)

    def predict_step(self, batch, batch_idx):
        return batch[0]


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_a_loader_that_is_refused_leaves_the_classes_as_they_were():
    before = [getattr(kind, name) for kind in (DataLoader, BatchSampler) for name in CHANGED]
    quiet: dict[str, Any] = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    quiet |= {"accelerator": "cpu", "enable_checkpointing": False, "max_epochs": 1}
    trainer = Trainer(**quiet)
    with pytest.raises(ValueError, match=r"^refused$"):
        trainer.fit(Refusing())
    assert [getattr(kind, name) for kind in (DataLoader, BatchSampler) for name in CHANGED] == before
    loader = DataLoader(TensorDataset(torch.eye(4)), 2)
    predicted: Any = Trainer(**quiet).predict(Refusing(), loader)
    assert torch.equal(torch.cat(predicted), torch.eye(4))
