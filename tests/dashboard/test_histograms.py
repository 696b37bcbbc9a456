import pytest
import torch
from torch.utils.tensorboard.writer import SummaryWriter

from mnist_mlp.dashboard.histograms import add_histogram


def test_each_layer_has_its_histograms(fit, events_of):
    events = events_of(fit())
    for tag in ("weights/layer_3", "activations/layer_2", "deltas/layer_3"):
        assert [point.step for point in events.Histograms(tag)] == [0, 5, 10, 15]
    assert "activations/layer_3" not in events.Tags()["histograms"]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_is_left_out(tmp_path, events_of, bad):
    with SummaryWriter(tmp_path) as writer:
        add_histogram(writer, "some", torch.tensor([1.0, bad, 2.0]), 0)
        add_histogram(writer, "none", torch.tensor([bad]), 0)
    events = events_of(tmp_path)
    assert events.Tags()["histograms"] == ["some"]
    assert events.Histograms("some")[0].histogram_value.num == 2


@pytest.mark.parametrize("values", [torch.randn(1000), torch.zeros(7), torch.tensor([1.0, 2.0, 2.0, 3.0])])
def test_what_is_there_is_counted(tmp_path, events_of, values):
    with SummaryWriter(tmp_path) as writer:
        add_histogram(writer, "values", values, 3)
    (point,) = events_of(tmp_path).Histograms("values")
    histogram = point.histogram_value
    assert sum(histogram.bucket) == histogram.num == len(values)
    assert histogram.sum == pytest.approx(values.sum().item(), abs=1e-4)
    assert histogram.sum_squares == pytest.approx(values.square().sum().item(), rel=1e-4)
    assert histogram.min <= values.min() <= values.max() <= histogram.max
    for low, high, count in zip(
        [histogram.min, *histogram.bucket_limit], histogram.bucket_limit, histogram.bucket, strict=False
    ):
        inside = ((values > low - 1e-6) & (values < high + 1e-6)).sum().item()
        assert count <= inside
