"""The panels look images up in the loader of `MNISTDataModule`; with another one they say so before the first step."""

from typing import Any

import pytest
from lightning import Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader, TensorDataset

from mnist_mlp import MLPClassifier, MNISTDataModule
from mnist_mlp.dashboard.panels import PANELS, Dashboard

NEED_THE_LOADER = {"speed", "health", "histograms", "distortions"}


class OwnLoader(MNISTDataModule):
    def train_dataloader(self) -> Any:
        return DataLoader(TensorDataset(self.train_images.images.float() / 255, self.train_images.labels), 100)


@pytest.mark.parametrize("kind", ["plain", "module"])
@pytest.mark.parametrize("panels", [dict.fromkeys(PANELS, True), *({name: True} for name in PANELS)], ids=str)
@pytest.mark.filterwarnings("ignore:.*does not have many workers", "ignore:.*smaller than the logging interval")
@pytest.mark.filterwarnings("ignore:You defined a `validation_step` but have no `val_dataloader`")
def test_panels_say_that_they_need_our_loader_or_do_without(kind, panels, tmp_path, without_shape_checks):
    data = OwnLoader("digits", val_size=237)
    callbacks = Dashboard(**dict.fromkeys(PANELS, False) | panels).callbacks()
    trainer = Trainer(
        max_epochs=1,
        callbacks=callbacks,
        logger=TensorBoardLogger(tmp_path),
        enable_progress_bar=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        accelerator="cpu",
    )
    data.setup("fit")
    images = data.train_dataloader() if kind == "plain" else data
    if kind == "module" and not panels.keys() & NEED_THE_LOADER:
        trainer.fit(MLPClassifier([4]), images)
        return
    with pytest.raises(
        ValueError, match=r"^the dashboard needs MNISTDataModule and its loader; got (none|DataLoader): "
    ):
        trainer.fit(MLPClassifier([4]), images)
    assert trainer.global_step == 0
