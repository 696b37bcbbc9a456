"""How well gradients flow, layer by layer."""

from collections.abc import Iterable, Iterator, Sequence

from lightning import Trainer
from torch import Tensor
from torch.optim import LBFGS
from torch.utils.tensorboard.writer import SummaryWriter
from typing_extensions import override

from mnist_mlp.dashboard.panel import Charts, loader_of
from mnist_mlp.dashboard.probed_panel import PROBED_IMAGES, ProbedPanel
from mnist_mlp.equations.penalties import PENALTIES
from mnist_mlp.network.gradient_health import Probe, idle_share, relative_updates
from mnist_mlp.network.mlp import MLP
from mnist_mlp.training.classifier import MLPClassifier

OF_ALL_LAYERS = {
    "delta_norm": "norm of delta, by layer",
    "gradient_norm": "norm of the gradient, by layer",
    "update_ratio": "length of a step / length of the weights, by layer",
}
OF_HIDDEN_LAYERS = {"dead": "dead rectifiers, by layer", "saturated": "saturated activations, by layer"}


class GradientHealth(ProbedPanel):
    """For each layer: norms of errors and gradients, relative size of a step, dead or saturated neurons."""

    @override
    def charts_of(self, model: MLPClassifier) -> Charts:
        layers = [f"layer_{layer}" for layer in range(1, len(model.mlp.layers) + 1)]
        charts = {title: [f"{kind}/{layer}" for layer in layers] for kind, title in OF_ALL_LAYERS.items()}
        for layer, sigma in zip(layers, model.mlp.sigmas, strict=False):  # the outputs have none
            if sigma.idle:
                charts.setdefault(OF_HIDDEN_LAYERS[sigma.idle], []).append(f"{sigma.idle}/{layer}")
        return charts

    @override
    def show(self, seen: Probe, writer: SummaryWriter, trainer: Trainer, model: MLPClassifier) -> None:
        gradients = seen.gradients(min(images_in_a_step(trainer), PROBED_IMAGES))
        values = {
            **_by_layer("delta_norm", seen.error_norms()),
            **_by_layer("gradient_norm", (gradient.norm().item() for gradient in gradients)),
            **dict(idle_shares(model.mlp, seen)),
            **_by_layer("update_ratio", update_ratios(trainer, model, gradients)),
        }
        for tag, value in values.items():
            writer.add_scalar(tag, value, trainer.global_step)


def images_in_a_step(trainer: Trainer) -> int:
    """The images whose gradients are averaged for a step: of all processes, and of all mini-batches of a step."""
    mini_batch = loader_of(trainer).batch_sampler.batch_size
    return mini_batch * trainer.world_size * trainer.accumulate_grad_batches


def _by_layer(kind: str, values: Iterable[float]) -> dict[str, float]:
    return {f"{kind}/layer_{layer}": value for layer, value in enumerate(values, start=1)}


def idle_shares(mlp: MLP, seen: Probe) -> Iterator[tuple[str, float]]:
    """The tag and the share of what is dead or saturated in each hidden layer, where its activation can be."""
    for layer, (sigma, a) in enumerate(zip(mlp.sigmas, seen.outputs, strict=True), start=1):
        if (share := idle_share(sigma, a)) is not None:
            yield f"{sigma.idle}/layer_{layer}", share


def update_ratios(trainer: Trainer, model: MLPClassifier, gradients: Sequence[Tensor]) -> list[float]:
    """||step|| / ||w|| of each layer for the step that these gradients and the penalties would make.

    Returns:
        One ratio for each layer; none where the step cannot be tried on a copy of the optimizer, where it depends on
        the gradients of all parameters (clipping), or where a layer's weights are all 0, frozen, wrapped or replaced.
    """
    if not model.mlp.has_plain_layers:
        return []
    weights, optimizer = model.mlp.weights, trainer.optimizers[0]
    copyable = type(optimizer).__module__.startswith("torch.optim") and not isinstance(optimizer, LBFGS)
    if not copyable or trainer.gradient_clip_val or any(not w.any() or not w.requires_grad for w in weights):
        return []
    for strength, penalty in zip(model.penalty_strengths, PENALTIES.values(), strict=True):
        if strength:
            gradients = [g + penalty.gradient(w.detach(), strength) for g, w in zip(gradients, weights, strict=True)]
    return relative_updates(optimizer, weights, gradients)
