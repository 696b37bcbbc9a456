"""What is trained, with what settings, where."""

import platform
import subprocess
import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import torch
from jaxtyping import Float
from lightning import LightningModule, Trainer
from torch import Tensor
from torch.nn import Module, Sequential
from torch.utils.tensorboard.summary import hparams
from torch.utils.tensorboard.writer import SummaryWriter
from typing_extensions import override

from mnist_mlp.dashboard.panel import Charts, Panel, data_of, writer_of
from mnist_mlp.data.idx_files import IDX_DATASETS
from mnist_mlp.data.module import MNISTDataModule
from mnist_mlp.lightning_internals.callback_list import callbacks_of
from mnist_mlp.network.mlp import MLP
from mnist_mlp.training.classifier import MLPClassifier


class Description(Panel):
    """Configuration, layers, environment, graph, and settings beside results.

    It also lays out the charts of custom scalars, its own and those of the other panels.
    """

    charts = {"accuracy": ["train/acc", "val/acc"], "cost": ["train/loss", "val/loss"]}
    results = ("val/acc", "val/loss", "train/acc", "train/loss", "test/acc", "test/loss")

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        writer, model, step = writer_of(trainer), cast(MLPClassifier, pl_module), trainer.global_step
        if writer is None:
            return
        config = Path(writer.log_dir) / "config.yaml"
        if config.exists():
            writer.add_text("config", f"```yaml\n{config.read_text()}\n```", step)
        writer.add_text("model", describe_layers(model), step)
        writer.add_text("environment", describe_environment(trainer, data_of(trainer)), step)
        panels = [callback for callback in callbacks_of(trainer) if isinstance(callback, Panel)]
        results = [tag for panel in panels for tag in panel.results]
        for summary in hparams(hyper_parameters(trainer, model), dict.fromkeys(results, 0.0))[:2]:
            cast(Any, writer.file_writer).add_summary(summary)
        writer.add_custom_scalars(layout_of([panel.charts_of(model) for panel in panels]))
        if step == 0:
            add_layers(writer, model.mlp)

    @override
    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if writer := writer_of(trainer):
            *_, end_of_session = hparams({}, {})
            cast(Any, writer.file_writer).add_summary(end_of_session)


def layout_of(charts: Sequence[Charts]) -> dict[str, dict[str, tuple[str, Sequence[str]]]]:
    """The charts of all panels, as `add_custom_scalars` takes them.

    TensorBoard draws all curves of a run in one colour. So each tag gets a frame of its own, in which a colour is a
    run, below the title that they share; the report draws those of one title in one frame.
    """
    return {title: {tag: ("Multiline", [tag]) for tag in tags} for each in charts for title, tags in each.items()}


def add_layers(writer: SummaryWriter, mlp: MLP) -> None:
    """Write the graph of the layers one by one: neither hand-written gradients nor checks of inputs can be drawn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch.jit.trace, without which add_graph has no graph yet
        writer.add_graph(chain_of(mlp), next(mlp.parameters()).new_zeros(1, mlp.sizes[0]))


class Elementwise(Module):
    """An activation as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    @override
    def forward(self, z: Float[Tensor, "batch n"]) -> Float[Tensor, "batch n"]:
        return self.function(z)


def chain_of(mlp: MLP) -> Sequential:
    """The layers of a network and their activations, one after the other."""
    modules: dict[str, Module] = {}
    functions = [*(sigma.function for sigma in mlp.sigmas), mlp.cost.output_activation]
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
    for l, (layer, name) in enumerate(zip(mlp.layers, activations, strict=True), start=1):
        n = sum(p.numel() for p in layer.parameters())
        lines.append(f"| {l} | {mlp.sizes[l - 1]:,} | {mlp.sizes[l]:,} | {name} | {n:,} |")
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
    rows["data"] = data.dataset_name
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
    settings |= {"dataset": data.dataset_name, "val_size": data.val_size}
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
