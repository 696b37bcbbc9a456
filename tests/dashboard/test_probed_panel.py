import pytest

from mnist_mlp.dashboard import probed_panel


@pytest.fixture
def probes(monkeypatch):
    """Collects the number of images of each probe."""
    seen = []
    probe = probed_panel.probe
    monkeypatch.setattr(probed_panel, "probe", lambda mlp, x, labels: seen.append(len(x)) or probe(mlp, x, labels))
    return seen


def test_two_panels_share_one_probe_of_each_epoch(fit, probes):
    fit()
    assert probes == [40] * 4


@pytest.mark.parametrize("off", ["health", "histograms"])
def test_one_panel_is_enough_to_probe(fit, probes, off):
    fit(f"--dashboard.{off}=false", epochs=1)
    assert probes == [40] * 2


def test_without_a_panel_nothing_is_probed(fit, probes):
    fit("--dashboard.health=false", "--dashboard.histograms=false", epochs=1)
    assert probes == []
