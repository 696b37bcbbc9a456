import pytest
import torch

from mnist_mlp.fit.predictions import write_predictions


def test_each_image_has_a_row(tmp_path):
    probabilities = torch.tensor([[0.25, 0.75], [0.9, 0.1], [0.4, 0.6]])
    labels = torch.tensor([1, 1, 1])
    accuracy = write_predictions(tmp_path / "predictions.csv", 50_000, labels, probabilities, ["0", "1"])
    assert accuracy == pytest.approx(2 / 3)
    assert (tmp_path / "predictions.csv").read_text().splitlines() == [
        "index,label,predicted,probability",
        "50000,1,1,0.7500",
        "50001,1,0,0.9000",
        "50002,1,1,0.6000",
    ]
