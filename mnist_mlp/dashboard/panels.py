"""What TensorBoard shows of a run: callbacks that look at a network between its epochs, never between its steps."""

import io
import platform
import subprocess
import time
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from importlib.metadata import version
from math import ceil, sqrt
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from jaxtyping import Float, Int, UInt8
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from PIL import Image
from tensorboard.compat.proto import summary_pb2
from tensorboard.plugins import projector
from torch import Tensor
from torch.nn import Module, Sequential
from torch.nn import functional as F
from torch.optim import LBFGS
from torch.utils.tensorboard.summary import hparams
from torch.utils.tensorboard.writer import SummaryWriter
from torchvision.utils import make_grid, save_image

from mnist_mlp.dashboard.pictures import (
    calibration,
    count_confusions,
    draw_captioned,
    draw_confusions,
    draw_digits,
    draw_reliability,
    draw_weights,
)
from mnist_mlp.data.device_loader import DeviceLoader
from mnist_mlp.data.idx_files import IDX_DATASETS
from mnist_mlp.data.module import EVALUATION_BATCH_SIZE, MNISTDataModule
from mnist_mlp.equations.activations import ACTIVATIONS
from mnist_mlp.equations.penalties import l1_gradient, l2_gradient
from mnist_mlp.network.gradient_health import Probe, idle_share, probe, relative_updates
from mnist_mlp.network.mlp import MLP
from mnist_mlp.training.classifier import NUM_CLASSES, MLPClassifier

PROBED_IMAGES = 300
PROJECTED_IMAGES, PROJECTED_DIMENSIONS = 300, 50
SHOWN_DIGITS = 30
HISTOGRAM_BINS, COUNTED_VALUES = 64, 50_000

LAYOUT = {
    "learning": {
        "cost": ["Multiline", ["train/loss", "val/loss"]],
        "accuracy": ["Multiline", ["train/acc", "val/acc"]],
    },
    "gradient health": {
        "norm of delta, by layer": ["Multiline", ["delta_norm/.*"]],
        "norm of the gradient, by layer": ["Multiline", ["gradient_norm/.*"]],
        "length of a step / length of the weights, by layer": ["Multiline", ["update_ratio/.*"]],
        "dead rectifiers, by layer": ["Multiline", ["dead/.*"]],
        "saturated activations, by layer": ["Multiline", ["saturated/.*"]],
    },
}
RESULTS = ["val/acc", "val/loss", "train/acc", "train/loss", "test/acc", "test/loss", "time/training_seconds"]


@dataclass(frozen=True)
class Dashboard:
    """What TensorBoard shows besides costs and accuracies.

    Attributes:
        speed: Learning rate, images a second, seconds of each epoch.
        health: Norms of errors and gradients, relative size of a step, dead or saturated neurons, of each layer.
        histograms: Weights, activations and errors of each layer.
        weights: The incoming weights of the first layer as images, after 0, 1, 2, 4 ... epochs.
        predictions: After the training mistakes, confusion matrix, precision and recall, reliability.
        projector: After the training the last hidden layer's activations, for the embedding projector.
        description: Configuration, layers, environment, graph, and hyper-parameters beside results.
    """

    speed: bool = True
    health: bool = True
    histograms: bool = True
    weights: bool = True
    predictions: bool = True
    projector: bool = True
    description: bool = True

    def callbacks(self) -> list[Callback]:
        """The callbacks of all that is switched on."""
        probing = [Health(self.health, self.histograms)] if self.health or self.histograms else []
        switches = (
            (self.description, Description),
            (self.speed, Speed),
            (self.weights, Weights),
            (self.predictions, Predictions),
            (self.projector, Projector),
        )
        return [*(kind() for is_on, kind in switches if is_on), *probing]


SWITCHED_OFF = [f"--dashboard.{field.name}=false" for field in fields(Dashboard)]


def writer_of(trainer: Trainer) -> SummaryWriter | None:
    """TensorBoard's event file, if this process writes one."""
    loggers = [logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]
    return loggers[0].experiment if loggers and trainer.is_global_zero else None


def data_of(trainer: Trainer) -> MNISTDataModule:
    """The data module that is trained on."""
    return cast(Any, trainer).datamodule


class Speed(Callback):
    """Log the learning rate, the seconds that an epoch trains, and the images that it trains on in a second."""

    def __init__(self) -> None:
        self._seconds_before = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clocks."""
        self._training_started = time.perf_counter()
        self.on_train_epoch_start(trainer, pl_module)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock of the epoch, which Lightning does not say of one that is continued in its middle."""
        self._started, self._first_step = time.perf_counter(), trainer.global_step

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the clock of the epoch."""
        self._validation_started = time.perf_counter()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let it go on."""
        if not trainer.sanity_checking:
            self._started += time.perf_counter() - self._validation_started

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log."""
        seconds = time.perf_counter() - self._started
        loader = cast(DeviceLoader, trainer.train_dataloader)
        batches = (trainer.global_step - self._first_step) * trainer.accumulate_grad_batches
        images = min(batches * loader.batch_sampler.batch_size * trainer.world_size, len(loader.dataset))
        values = {"time/epoch_seconds": seconds, "time/images_per_second": images / seconds}
        rates = [group["lr"] for group in trainer.optimizers[0].param_groups]
        values |= {f"learning_rate/group_{i}" if i else "learning_rate": float(rate) for i, rate in enumerate(rates)}
        for logger in trainer.loggers:
            logger.log_metrics(values, trainer.global_step)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the seconds of the whole training."""
        for logger in trainer.loggers:
            logger.log_metrics({"time/training_seconds": self._seconds()}, trainer.global_step)

    def state_dict(self) -> dict[str, float]:
        """The seconds that the training took so far."""
        return {"seconds": self._seconds()}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Go on with them."""
        self._seconds_before = state_dict["seconds"]

    def _seconds(self) -> float:
        return self._seconds_before + time.perf_counter() - self._training_started


class Health(Callback):
    """Look, before the first and after each epoch, how well gradients flow, on the first 300 images that train.

    Args:
        scalars: Whether to log norms and shares of each layer.
        histograms: Whether to log histograms of each layer.
    """

    def __init__(self, scalars: bool = True, histograms: bool = True) -> None:
        self.scalars = scalars
        self.histograms = histograms

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the first weights."""
        self._images = first_images(trainer, cast(MLPClassifier, pl_module))
        if trainer.global_step == 0:
            self.on_train_epoch_end(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the network as it is now."""
        writer, model = writer_of(trainer), cast(MLPClassifier, pl_module)
        if writer is None:
            return
        seen = probe(model.mlp, *self._images)
        if self.scalars:
            for tag, value in self._scalars(trainer, model, seen):
                writer.add_scalar(tag, value, trainer.global_step)
        if self.histograms:
            for kind, tensors in (
                ("weights", model.mlp.weights),
                ("activations", seen.outputs),
                ("deltas", seen.deltas),
            ):
                for layer, values in enumerate(tensors, start=1):
                    add_histogram(writer, f"{kind}/layer_{layer}", values.detach(), trainer.global_step)

    def _scalars(self, trainer: Trainer, model: MLPClassifier, seen: Probe) -> Iterator[tuple[str, float]]:
        for layer, norm in enumerate(seen.error_norms(), start=1):
            yield f"delta_norm/layer_{layer}", norm
        mini_batch = cast(DeviceLoader, trainer.train_dataloader).batch_sampler.batch_size
        gradients = seen.gradients(min(mini_batch, PROBED_IMAGES))
        for layer, gradient in enumerate(gradients, start=1):
            yield f"gradient_norm/layer_{layer}", gradient.norm().item()
        for layer, (sigma, a) in enumerate(zip(model.mlp.sigmas, seen.outputs, strict=True), start=1):
            if (idle := idle_share(sigma, a)) is not None:
                yield f"{sigma.idle}/layer_{layer}", idle
        weights, optimizer = model.mlp.weights, trainer.optimizers[0]
        copyable = type(optimizer).__module__.startswith("torch.optim") and not isinstance(optimizer, LBFGS)
        if not copyable or trainer.gradient_clip_val or any(not w.any() or not w.requires_grad for w in weights):
            return
        for strength, gradient_of in zip(model.penalty_strengths, (l1_gradient, l2_gradient), strict=True):
            if strength:
                gradients = [g + gradient_of(w.detach(), strength) for g, w in zip(gradients, weights, strict=True)]
        for layer, ratio in enumerate(relative_updates(optimizer, weights, gradients), start=1):
            yield f"update_ratio/layer_{layer}", ratio


def first_images(trainer: Trainer, model: MLPClassifier) -> tuple[Tensor, Tensor]:
    """The first images that train, undistorted, and their labels."""
    loader = cast(DeviceLoader, trainer.train_dataloader)
    return inputs_of(model, loader, torch.arange(min(PROBED_IMAGES, len(loader.dataset)), device=model.device))


def inputs_of(model: MLPClassifier, loader: DeviceLoader, indices: Int[Tensor, "n"]) -> tuple[Tensor, Tensor]:
    """Images as the network takes them, undistorted, and their labels."""
    x, labels = loader.look_up(indices)
    return loader.normalized(x).to(model.mlp.weights[0].dtype), labels


def add_histogram(writer: SummaryWriter, tag: str, values: Tensor, step: int) -> None:
    """Write a histogram of the finite values, or every k-th of many, counted by torch in a tenth of NumPy's time."""
    values = values.flatten()[:: ceil(values.numel() / COUNTED_VALUES)].float().cpu()
    values = values[values.isfinite()]
    if len(values) == 0:
        return
    low, high = (bound.item() for bound in values.aminmax())
    counts = torch.histc(values, HISTOGRAM_BINS, low, high)
    if low == high:
        counts, low, high = torch.tensor([float(values.numel())]), low - 0.5, high + 0.5
    limits = torch.linspace(low, high, len(counts) + 1, dtype=torch.float64)[1:]
    sums = values.sum().item(), values.square().sum().item()
    writer.add_histogram_raw(tag, low, high, values.numel(), *sums, limits.tolist(), counts.tolist(), step)


def add_picture(writer: SummaryWriter, tag: str, picture: UInt8[Any, "height width 3"], step: int) -> None:
    """Write a picture as PNG, compressed quickly rather than well."""
    png = io.BytesIO()
    Image.fromarray(picture).save(png, "png", compress_level=1)
    height, width, _ = picture.shape
    proto = cast(Any, summary_pb2).Summary
    image = proto.Image(height=height, width=width, colorspace=3, encoded_image_string=png.getvalue())
    cast(Any, writer.file_writer).add_summary(proto(value=[proto.Value(tag=tag, image=image)]), step)


class Weights(Callback):
    """Draw the incoming weights of the first layer: before the training, after 1, 2, 4 ... epochs, and at its end."""

    def __init__(self) -> None:
        self._last_step = -1

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the first weights."""
        if trainer.global_step == 0:
            self._draw(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the weights as they are now, if it is their turn."""
        epochs = trainer.current_epoch + 1
        if epochs & (epochs - 1) == 0:
            self._draw(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the last weights."""
        self._draw(trainer, pl_module)

    def _draw(self, trainer: Trainer, pl_module: LightningModule) -> None:
        writer = writer_of(trainer)
        if writer and trainer.global_step > self._last_step:
            self._last_step = trainer.global_step
            picture = draw_weights(cast(MLPClassifier, pl_module).mlp.weights[0])
            add_picture(writer, "weights/first_layer", picture, trainer.global_step)


class Classified(NamedTuple):
    """Images and what a network says of them.

    Attributes:
        images: Grey values, shape (n, pixels).
        labels: Their classes, shape (n,).
        probabilities: The output activation, shape (n, 10): probabilities, where it is softmax or sigmoid.
    """

    images: UInt8[Tensor, "n pixels"]
    labels: Int[Tensor, "n"]
    probabilities: Float[Tensor, "n 10"]


@torch.no_grad()
def classify(model: MLPClassifier, data: MNISTDataModule) -> tuple[str, Classified]:
    """Classify the validation images, or where there are none those that train; which of both, "val" or "train"."""
    split = "val" if data.val_size else "train"
    loader = data.evaluation_loader(split)
    images, labels = loader.dataset.tensors
    trained = model.training
    model.eval()
    parts = []
    for chosen in torch.arange(len(labels), device=labels.device).split(EVALUATION_BATCH_SIZE):
        x, _ = inputs_of(model, loader, chosen)
        parts.append(model.mlp.predict_proba(x).float().cpu())
    model.train(trained)
    return split, Classified(images.cpu(), labels.cpu(), torch.cat(parts))


class Predictions(Callback):
    """Show, when a training ends, what the network gets right and wrong among the validation images."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the images that train as they are distorted, if they are."""
        loader = cast(DeviceLoader, trainer.train_dataloader)
        writer = writer_of(trainer)
        if writer is None or not loader.augmentation.distorts or trainer.global_step:
            return
        n = min(SHOWN_DIGITS, len(loader.dataset))
        columns = min(10, n)
        shown = torch.arange(n - n % columns, device=pl_module.device)
        plain, _ = loader.look_up(shown)
        x, labels = loader.look_up(shown[None])
        loader.distort(x, labels, 0)
        rows = [row for pair in zip(plain.split(columns), x[0].split(columns), strict=True) for row in pair]
        add_picture(writer, "digits/distorted", draw_digits(torch.cat(rows), columns), 0)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw."""
        if writer := writer_of(trainer):
            model = cast(MLPClassifier, pl_module)
            split, seen = classify(model, data_of(trainer))
            self._draw(writer, split, seen, model.mlp.cost.says_probabilities, trainer.global_step)

    def _draw(self, writer: SummaryWriter, split: str, seen: Classified, says_probabilities: bool, step: int) -> None:
        confidence, predicted = seen.probabilities.max(dim=1)
        right = predicted == seen.labels
        pictures = {
            "mistakes": draw_worst(seen, predicted),
            "right": draw_right(seen, predicted),
            "confusions": draw_confusions(count_confusions(seen.labels, predicted, NUM_CLASSES)),
        }
        for name, picture in pictures.items():
            if picture is not None:
                add_picture(writer, f"{split}/{name}", picture, step)
        if not says_probabilities:
            return
        add_picture(writer, f"{split}/reliability", draw_reliability(confidence, right), step)
        writer.add_scalar(f"{split}/calibration_error", calibration(confidence, right)[-1], step)
        for digit in range(NUM_CLASSES):
            tag = f"{split}/precision_recall_{digit}"
            writer.add_pr_curve(tag, seen.labels == digit, seen.probabilities[:, digit], step)


def draw_worst(seen: Classified, predicted: Int[Tensor, "n"]) -> UInt8[Any, "height width 3"] | None:
    """The mistakes that the network was surest of, the worst first; None where there is none."""
    wrong = (predicted != seen.labels).nonzero().flatten()
    if len(wrong) == 0:
        return None
    order = seen.probabilities[wrong].amax(dim=1).argsort(descending=True)
    return _draw_chosen(seen, predicted, wrong[order][:SHOWN_DIGITS], lambda true, said: f"{said}, not {true}")


def draw_right(seen: Classified, predicted: Int[Tensor, "n"]) -> UInt8[Any, "height width 3"] | None:
    """The first three that are right of each class; None where none is."""
    right = predicted == seen.labels
    chosen = [((seen.labels == digit) & right).nonzero().flatten()[: SHOWN_DIGITS // 10] for digit in range(10)]
    indices = torch.cat(chosen)
    return _draw_chosen(seen, predicted, indices, lambda true, said: f"{said}") if len(indices) else None


def _draw_chosen(
    seen: Classified, predicted: Int[Tensor, "n"], chosen: Int[Tensor, "m"], words: Callable[[int, int], str]
) -> UInt8[Any, "height width 3"]:
    captions = []
    for i in chosen.tolist():
        said = int(predicted[i])
        captions.append(f"{words(int(seen.labels[i]), said)}\n{seen.probabilities[i, said].item():.3f}")
    return draw_captioned(seen.images[chosen].float() / 255, captions)


class Projector(Callback):
    """Give the embedding projector, when a training ends, what the last hidden layer makes of 300 images."""

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the vectors, their labels and the digits into the run's folder."""
        writer, model, data = writer_of(trainer), cast(MLPClassifier, pl_module), data_of(trainer)
        if writer is None:
            return
        loader = data.evaluation_loader("val" if data.val_size else "train")
        chosen = torch.arange(min(PROJECTED_IMAGES, len(loader.dataset)), device=model.device)
        images = loader.look_up(chosen)[0].cpu()
        x, labels = inputs_of(model, loader, chosen)
        seen = probe(model.mlp, x, labels)
        name = "last_hidden_layer" if model.mlp.activations else "pixels"
        write_projection(Path(writer.log_dir), name, seen.inputs[-1].float().cpu(), labels.tolist(), images)


def write_projection(
    run: Path, name: str, vectors: Float[Tensor, "n d"], labels: list[int], images: Float[Tensor, "n pixels"]
) -> None:
    """Write what the embedding projector reads: vectors, by their 50 first principal components if they have more."""
    if vectors.shape[1] > PROJECTED_DIMENSIONS:
        centred = vectors - vectors.mean(dim=0)
        u, s, _ = torch.linalg.svd(centred, full_matrices=False)
        vectors = (u * s)[:, :PROJECTED_DIMENSIONS]
    folder = run / "projector"
    folder.mkdir(exist_ok=True)
    rows = ("\t".join(f"{value:.4g}" for value in row) for row in vectors.tolist())
    (folder / "vectors.tsv").write_text("\n".join(rows) + "\n")
    (folder / "labels.tsv").write_text("\n".join(map(str, labels)) + "\n")
    size = round(images.shape[1] ** 0.5)
    columns = ceil(sqrt(len(images)))  # the projector expects as many rows
    padded = F.pad(images, (0, 0, 0, columns**2 - len(images)))
    save_image(make_grid(1 - padded.view(-1, 1, size, size), columns, padding=0), folder / "sprite.png")

    config = projector.ProjectorConfig()
    embedding = config.embeddings.add(tensor_name=name, tensor_path="projector/vectors.tsv")
    embedding.metadata_path = "projector/labels.tsv"
    embedding.sprite.image_path = "projector/sprite.png"
    embedding.sprite.single_image_dim.extend([size, size])
    projector.visualize_embeddings(str(run), config)


class Description(Callback):
    """Say what is trained, with what settings, where; and set the results beside the hyper-parameters."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the texts, the layout of the charts, the hyper-parameters, and the graph."""
        writer, model = writer_of(trainer), cast(MLPClassifier, pl_module)
        if writer is None:
            return
        step, config = trainer.global_step, Path(writer.log_dir) / "config.yaml"
        if config.exists():
            writer.add_text("config", f"```yaml\n{config.read_text()}\n```", step)
        writer.add_text("model", describe_layers(model), step)
        writer.add_text("environment", describe_environment(trainer, data_of(trainer)), step)
        for summary in hparams(hyper_parameters(trainer, model), dict.fromkeys(RESULTS, 0.0))[:2]:
            cast(Any, writer.file_writer).add_summary(summary)
        writer.add_custom_scalars(LAYOUT)
        if step == 0:
            self._add_graph(writer, trainer, model)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Close the session of the hyper-parameters."""
        if writer := writer_of(trainer):
            *_, end = hparams({}, {})
            cast(Any, writer.file_writer).add_summary(end)

    def _add_graph(self, writer: SummaryWriter, trainer: Trainer, model: MLPClassifier) -> None:
        """Trace the layers one by one: neither a hand-written gradient nor the checks of inputs can be drawn."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # torch.jit.trace, without which add_graph has no graph yet
            writer.add_graph(chain_of(model.mlp), first_images(trainer, model)[0][:1])


class Elementwise(Module):
    """An activation as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, z: Float[Tensor, "batch n"]) -> Float[Tensor, "batch n"]:
        """sigma(z)."""
        return self.function(z)


def chain_of(mlp: MLP) -> Sequential:
    """The layers of a network and their activations, one after the other."""
    modules: dict[str, Module] = {}
    functions = [*(ACTIVATIONS[name].function for name in mlp.activations), mlp.cost.output_activation]
    for l, (layer, name, function) in enumerate(zip(mlp.layers, activation_names(mlp), functions, strict=True), 1):
        modules |= {f"layer_{l}": layer, f"{name}_{l}": Elementwise(function)}
    return Sequential(OrderedDict(modules))


def activation_names(mlp: MLP) -> list[str]:
    """The activation of each layer, that of the outputs last."""
    return [*mlp.activations, mlp.cost.output_activation.__name__]


def describe_layers(model: MLPClassifier) -> str:
    """A table of the layers, in Markdown."""
    mlp = model.mlp
    activations = activation_names(mlp)
    lines = ["| layer | inputs | neurons | activation | parameters |", "| --- | --- | --- | --- | --- |"]
    for l, (w, b, name) in enumerate(zip(mlp.weights, mlp.biases, activations, strict=True), start=1):
        lines.append(f"| {l} | {w.shape[1]:,} | {w.shape[0]:,} | {name} | {w.numel() + b.numel():,} |")
    lines.append(f"| all | | | | {sum(p.numel() for p in mlp.parameters()):,} |")
    return "\n".join(lines)


def describe_environment(trainer: Trainer, data: MNISTDataModule) -> str:
    """A table of versions, machine and data, in Markdown."""
    device = trainer.strategy.root_device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    rows = {package: version(package) for package in ("mnist-mlp", "torch", "torchvision", "lightning", "tensorboard")}
    rows |= {"python": platform.python_version(), "system": platform.platform(), "device": f"{device}, {name}"}
    clone = Path(__file__).parents[2]
    with suppress(OSError, subprocess.CalledProcessError):
        git = ["git", "--git-dir", str(clone / ".git"), "--work-tree", str(clone), "describe", "--always", "--dirty"]
        rows["git commit"] = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    rows["data"] = data.dataset
    if dataset := IDX_DATASETS.get(data.dataset):
        rows |= {f"md5 of {file}": f"`{md5}`" for file, md5 in dataset.md5.items()}
    return "\n".join(["| | |", "| --- | --- |", *(f"| {key} | {value} |" for key, value in rows.items())])


def hyper_parameters(trainer: Trainer, model: MLPClassifier) -> dict[str, bool | float | str | None]:
    """Model, data and optimizer by settings that can be compared across runs."""
    optimizer = trainer.optimizers[0]
    schedulers = [type(config.scheduler).__name__ for config in trainer.lr_scheduler_configs]
    data, group = data_of(trainer), optimizer.param_groups[0]
    left_out = ("data_dir", "image_size", "steps_per_execution")
    settings = dict(model.hparams) | {name: value for name, value in data.hparams.items() if name not in left_out}
    settings |= {name: group[name] for name in ("momentum", "weight_decay") if name in group}
    settings |= {
        "optimizer": type(optimizer).__name__,
        "learning_rate": float(group.get("initial_lr", group["lr"])),
        "scheduler": ", ".join(schedulers) or "none",
        "max_epochs": trainer.max_epochs,
        "distortions": ", ".join(f"{name} {value}" for name, value in vars(data.augmentation).items() if value)
        if data.augmentation.distorts
        else "none",
    }
    return {name: _plain(value) for name, value in settings.items() if not name.startswith("_")}


def _plain(value: Any) -> bool | float | str | None:
    """A value of a type that TensorBoard compares: one that is not set is left out."""
    return "-".join(map(str, value)) if isinstance(value, (list, tuple)) else value
