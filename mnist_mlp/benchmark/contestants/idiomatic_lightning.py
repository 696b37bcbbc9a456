"""Lightning as its tutorials show it: torchvision's data set, a `DataLoader`, one step for each mini-batch."""

from tempfile import TemporaryDirectory

import torch
from lightning import LightningModule, Trainer
from torch import Tensor, nn
from typing_extensions import override

from mnist_mlp.benchmark.contestant import Contestant, Training
from mnist_mlp.benchmark.contestants.ours import Clock
from mnist_mlp.benchmark.plain_torch import sequential, torch_cost
from mnist_mlp.benchmark.workloads import Workload
from mnist_mlp.data.module import EVALUATION_BATCH_SIZE, MNISTDataModule


class TutorialClassifier(LightningModule):
    """A classifier by the book."""

    def __init__(self, workload: Workload) -> None:
        super().__init__()
        self.workload = workload
        self.network = nn.Sequential(nn.Flatten(), sequential(workload))

    @override
    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        x, labels = batch
        loss = torch_cost(self.workload, self.network(x), labels)
        self.log("train_loss", loss)
        return loss

    @override
    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        x, labels = batch
        self.log("val_acc", (self.network(x).argmax(1) == labels).float().mean())

    @override
    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=self.workload.learning_rate)


class IdiomaticLightning(Contestant):
    """`TutorialClassifier` in a Trainer with the defaults of Lightning."""

    def __init__(self, workload: Workload, device: str) -> None:
        from torch.utils.data import DataLoader, Subset
        from torchvision.datasets import MNIST
        from torchvision.transforms import ToTensor

        super().__init__(workload, device)
        data = MNISTDataModule()
        data.prepare_data()
        images = MNIST(str(data.data_dir), train=True, transform=ToTensor())
        train, val = Subset(images, range(50_000)), Subset(images, range(50_000, 60_000))
        self.train_loader = DataLoader(train, batch_size=workload.batch_size, shuffle=True)
        self.val_loader = DataLoader(val, batch_size=EVALUATION_BATCH_SIZE)

    @override
    def train(self, epochs: int) -> Training:
        clock = Clock(self.device)
        with TemporaryDirectory() as folder:
            trainer = Trainer(
                accelerator=self.device, max_epochs=epochs, default_root_dir=folder, callbacks=[clock], devices=1
            )
            trainer.fit(TutorialClassifier(self.workload), self.train_loader, self.val_loader)
        return Training(clock.times, trainer.callback_metrics["val_acc"].item())
