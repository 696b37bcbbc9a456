"""Train an MLP on MNIST through the Python API: python scripts/train.py [DATASET or PATH]."""

import sys

import torch
from lightning import Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger

from mnist_mlp import MLPClassifier, MNISTDataModule

seed_everything(0)
dataset = sys.argv[1] if len(sys.argv) > 1 else "mnist"
data = MNISTDataModule(dataset, batch_size=100, steps_per_execution="auto")
model = MLPClassifier(
    hidden_sizes=[300, 100],
    activation="relu",
    cost="cross_entropy",
    num_classes=data.num_classes,
    optimizer=lambda parameters: torch.optim.Adam(parameters, lr=1e-3),
    scheduler=lambda optimizer: torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.8),
)
trainer = Trainer(
    max_epochs=10,
    logger=TensorBoardLogger("logs", name="script", default_hp_metric=False),
    callbacks=[ModelCheckpoint(monitor="val/acc", mode="max", filename="best")],
)
trainer.fit(model, data)
trainer.test(model, data, ckpt_path="best", weights_only=True)
