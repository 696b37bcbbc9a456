"""The panels of TensorBoard, and `Dashboard`, which has a switch for each."""

from collections.abc import Mapping
from dataclasses import dataclass, make_dataclass
from typing import ClassVar

from lightning import Callback

from mnist_mlp.dashboard.description import Description
from mnist_mlp.dashboard.distorted_images import DistortedImages
from mnist_mlp.dashboard.first_layer import FirstLayer
from mnist_mlp.dashboard.gradient_health import GradientHealth
from mnist_mlp.dashboard.histograms import Histograms
from mnist_mlp.dashboard.panel import Panel
from mnist_mlp.dashboard.predictions import Predictions
from mnist_mlp.dashboard.probed_panel import EpochProbe, ProbedPanel
from mnist_mlp.dashboard.projector import Projector
from mnist_mlp.dashboard.speed import Speed

PANELS: dict[str, type[Panel]] = {
    "description": Description,
    "speed": Speed,
    "health": GradientHealth,
    "histograms": Histograms,
    "weights": FirstLayer,
    "distortions": DistortedImages,
    "predictions": Predictions,
    "projector": Projector,
}


@dataclass(frozen=True)
class Switches:
    """Which panels are shown.

    Attributes:
        panels: All there are.
        enabled: Whether any is shown.
    """

    panels: ClassVar[Mapping[str, type[Panel]]] = {}
    enabled: bool = True

    def callbacks(self) -> list[Callback]:
        """The panels that are switched on, and what they need."""
        shown = [kind() for name, kind in self.panels.items() if self.enabled and getattr(self, name)]
        probed = [panel for panel in shown if isinstance(panel, ProbedPanel)]
        return [*shown, EpochProbe(probed)] if probed else [*shown]


def dashboard_with(panels: Mapping[str, type[Panel]]) -> type[Switches]:
    """A dataclass with one more switch for each of these panels, whose docstring the command line shows as help."""
    summaries = {name: " ".join((kind.__doc__ or "").split("\n\n")[0].split()) for name, kind in panels.items()}
    lines = ["What TensorBoard shows besides costs and accuracies.", "", "Attributes:"]
    lines += [f"    {name}: {summary}" for name, summary in {"enabled": "All of it.", **summaries}.items()]
    namespace = {"panels": panels, "__doc__": "\n".join(lines), "__module__": __name__}
    switches = [(name, bool, True) for name in panels]
    return make_dataclass("Dashboard", switches, bases=(Switches,), frozen=True, namespace=namespace)


Dashboard = dashboard_with(PANELS)
