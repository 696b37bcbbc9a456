import pytest
import torch
from lightning import Trainer
from lightning.pytorch.callbacks import RichProgressBar, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger
from torch import nn

from mnist_mlp import MLPClassifier, MNISTDataModule


def trainer_in(folder, **settings):
    return Trainer(max_epochs=1, default_root_dir=folder, logger=CSVLogger(folder), **settings)


def digits():
    return MNISTDataModule("digits", batch_size=100, val_size=300)


@pytest.mark.parametrize("bar", [RichProgressBar, TQDMProgressBar])
def test_a_training_from_python_ends_with_its_results(bar, tmp_path, capfd):
    trainer = trainer_in(tmp_path, callbacks=[bar()])
    model, data = MLPClassifier([5]), digits()
    trainer.fit(model, data)
    out, err = capfd.readouterr()
    assert "v_num" not in out + err
    values = trainer.callback_metrics
    last = (
        f"val/loss {values['val/loss']:.4f}, val/acc {100 * values['val/acc']:.2f} %, "
        f"train/loss {values['train/loss']:.4f}, train/acc {100 * values['train/acc']:.2f} %"
    )
    assert last in out.splitlines()
    assert "Total FLOPs: 7.9 K" in out  # 2 (784 * 5 + 5 * 10)
    trainer.test(model, data, verbose=False)
    assert "override existing callbacks" not in "".join(capfd.readouterr())


def test_without_a_progress_bar_nothing_is_said(tmp_path, capfd):
    trainer_in(tmp_path, enable_progress_bar=False, enable_model_summary=False).fit(MLPClassifier([5]), digits())
    assert "val/acc" not in "".join(capfd.readouterr())


class Shaped(nn.Module):
    """A first layer that takes images of another shape."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert len(x) > 1
        return x[:, :5]


def test_other_layers_are_not_called_for_the_summary(tmp_path):
    model = MLPClassifier([5])
    model.mlp.layers[0] = Shaped()
    trainer_in(tmp_path, enable_progress_bar=False).fit(model, digits())
