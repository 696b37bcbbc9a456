from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.plugins.pr_curve import metadata as pr_curve_metadata
from tensorboard.util import tensor_util

from mnist_mlp import MLPClassifier, MNISTDataModule
from mnist_mlp.cli import main
from mnist_mlp.dashboard.panels import (
    LAYOUT,
    PROJECTED_DIMENSIONS,
    RESULTS,
    SWITCHED_OFF,
    Classified,
    Dashboard,
    add_histogram,
    classify,
    draw_right,
    draw_worst,
    write_projection,
)

pytestmark = pytest.mark.usefixtures("tiny_mnist", "without_shape_checks")

RECIPE = [
    "--model.hidden_sizes=[6,5]",
    "--model.activation=[relu,sigmoid]",
    "--model.gradients=manual",
    "--data.batch_size=8",
    "--data.val_size=20",
    "--data.steps_per_execution=auto",
    "--trainer.enable_progress_bar=false",
    "--trainer.accelerator=cpu",
    "--name=run",
]
STEPS = 5  # of an epoch
CPU = torch.device("cpu")


def fit(tmp_path, *args, epochs=3):
    main(["fit", *RECIPE, f"--trainer.default_root_dir={tmp_path}", f"--trainer.max_epochs={epochs}", *args])
    return tmp_path / "run" / "version_0"


def events_of(run):
    everything = dict.fromkeys(("scalars", "images", "histograms", "tensors"), 0)
    return EventAccumulator(str(run), size_guidance=everything).Reload()


def steps_of(points):
    return [point.step for point in points]


def test_every_tag_is_there_with_its_steps(tmp_path):
    events = events_of(fit(tmp_path, "--data.augmentation.rotation=10"))
    tags = events.Tags()
    each_epoch = [STEPS * epoch for epoch in range(4)]
    layers = {
        "delta_norm": (1, 2, 3),
        "gradient_norm": (1, 2, 3),
        "update_ratio": (1, 2, 3),
        "dead": (1,),
        "saturated": (2,),
    }
    for name, numbers in layers.items():
        assert {tag for tag in tags["scalars"] if tag.startswith(f"{name}/")} == {f"{name}/layer_{n}" for n in numbers}
        for number in numbers:
            assert steps_of(events.Scalars(f"{name}/layer_{number}")) == each_epoch
    for tag in ("time/epoch_seconds", "time/images_per_second", "learning_rate"):
        assert steps_of(events.Scalars(tag)) == each_epoch[1:]
    for tag in ("train/loss", "train/acc", "val/loss", "val/acc"):
        assert steps_of(events.Scalars(tag)) == [step - 1 for step in each_epoch[1:]]  # Lightning counts from 0
    assert [point.value for point in events.Scalars("learning_rate")] == pytest.approx([0.1] * 3)
    seconds, speed = (events.Scalars(tag)[0].value for tag in ("time/epoch_seconds", "time/images_per_second"))
    assert seconds * speed == pytest.approx(40, rel=1e-4)
    assert events.Scalars("time/training_seconds")[0].value > sum(p.value for p in events.Scalars("time/epoch_seconds"))

    for tag in ("weights/layer_3", "activations/layer_2", "deltas/layer_3"):
        assert steps_of(events.Histograms(tag)) == each_epoch
    assert "activations/layer_3" not in tags["histograms"]
    sizes = {tag: (events.Images(tag)[-1].width, events.Images(tag)[-1].height) for tag in tags["images"]}
    assert sizes["weights/first_layer"] == (6 * 58 + 2, 60)
    assert sizes["digits/distorted"] == (10 * 86 + 2, 6 * 86 + 2)
    assert sizes["val/confusions"] == (494, 494)
    assert sizes["val/reliability"] == (440, 478)
    assert sizes["val/mistakes"][0] == 920
    assert steps_of(events.Images("weights/first_layer")) == [0, 5, 10, 15]

    kinds = {tag: events.SummaryMetadata(tag).plugin_data.plugin_name for tag in tags["tensors"]}
    curves = [tag for tag, kind in kinds.items() if kind == pr_curve_metadata.PLUGIN_NAME]
    assert sorted(curves) == [f"val/precision_recall_{digit}" for digit in range(10)]
    texts = {
        tag: events.Tensors(f"{tag}/text_summary")[0].tensor_proto.string_val[0].decode()
        for tag in ("config", "model", "environment")
    }
    assert "rotation: 10.0" in texts["config"]
    assert "| 1 | 784 | 6 | relu | 4,710 |" in texts["model"]
    assert "| 3 | 5 | 10 | softmax | 60 |" in texts["model"]
    assert f"| torch | {version('torch')} |" in texts["environment"]
    assert "train-images-idx3-ubyte" in texts["environment"]
    assert tags["graph"]


def test_charts_have_something_to_show(tmp_path):
    tags = events_of(fit(tmp_path, epochs=1)).Tags()["scalars"]
    for category in LAYOUT.values():
        for kind, patterns in category.values():
            assert kind == "Multiline"
            assert all(any(tag.startswith(pattern.removesuffix(".*")) for tag in tags) for pattern in patterns)


def test_hyper_parameters_stand_beside_real_results(tmp_path):
    run = fit(tmp_path, "--model.l2=3")
    (session,) = tmp_path.rglob("events.out.tfevents.*")
    assert session.parent == run
    events = events_of(run)
    data = {
        tag: cast(Any, plugin_data_pb2).HParamsPluginData.FromString(content)
        for tag, content in events._plugin_to_tag_to_content["hparams"].items()
    }
    start = data["_hparams_/session_start_info"].session_start_info.hparams
    assert start["l2"].number_value == 3.0
    assert start["hidden_sizes"].string_value == "6-5"
    assert start["optimizer"].string_value == "SGD"
    assert start["learning_rate"].number_value == pytest.approx(0.1)
    assert start["momentum"].number_value == 0
    assert start["distortions"].string_value == "none"
    assert not {"max_norm", "train_size"} & set(start)  # not set
    metrics = [info.name.tag for info in data["_hparams_/experiment"].experiment.metric_infos]
    assert metrics == RESULTS
    assert "hp_metric" not in events.Tags()["scalars"]
    assert -1 not in [
        point.value for tag in metrics if tag in events.Tags()["scalars"] for point in events.Scalars(tag)
    ]
    main(["test", f"--trainer.default_root_dir={tmp_path}", "--trainer.accelerator=cpu"])
    assert events_of(run).Scalars("test/acc")[-1].value > 0
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["version_0"]


def test_steps_go_on_where_a_run_does(tmp_path):
    run = fit(tmp_path, epochs=2)
    last = str(run / "checkpoints" / "last.ckpt")
    main(["fit", "--ckpt_path", last, "--trainer.max_epochs=4", f"--trainer.default_root_dir={tmp_path}"])
    events = events_of(run)
    assert steps_of(events.Scalars("delta_norm/layer_1")) == [0, 5, 10, 15, 20]
    assert steps_of(events.Histograms("weights/layer_1")) == [0, 5, 10, 15, 20]
    for tag in events.Tags()["scalars"]:
        steps = steps_of(events.Scalars(tag))
        assert steps == sorted(steps), tag
    assert steps_of(events.Images("weights/first_layer")) == [0, 5, 10, 20]


@pytest.mark.parametrize("switch", [field.name for field in fields(Dashboard)])
def test_each_part_can_be_switched_off(tmp_path, switch):
    tags = events_of(fit(tmp_path, f"--dashboard.{switch}=false", epochs=1)).Tags()
    names = {tag.split("/")[0] for kind in ("scalars", "images", "histograms", "tensors") for tag in tags[kind]}
    lost = {
        "speed": {"time", "learning_rate"},
        "health": {"delta_norm", "gradient_norm", "update_ratio", "dead", "saturated"},
        "histograms": {"deltas", "activations"},
        "weights": set(),
        "predictions": set(),
        "projector": set(),
        "description": {"config", "model", "environment", "custom_scalars__config__"},
    }
    for part, of_part in lost.items():
        assert of_part & names == (set() if part == switch else of_part)
    assert ("val/mistakes" in tags["images"]) == (switch != "predictions")
    assert ("weights/first_layer" in tags["images"]) == (switch != "weights")
    assert tags["graph"] == (switch != "description")
    assert (tmp_path / "run/version_0/projector_config.pbtxt").exists() == (switch != "projector")


@pytest.mark.parametrize(
    "args",
    [
        ["--model.hidden_sizes=[]", "--model.activation=relu"],
        ["--model.initializer=zeros"],
        ["--data.val_size=0"],
        ["--model.gradients=autograd", "--model.dropout=0.5", "--data.steps_per_execution=1"],
        ["--model.optimizer=LBFGS", "--data.steps_per_execution=1"],
        ["--trainer.precision=64-true"],
        ["--model.adversarial=0.5", "--model.l1=1"],
        ["--data.train_size=8", "--data.image_size=29", "--model.num_inputs=841"],
        ["--model.cost=mse", "--model.output_activation=identity"],
        ["--trainer.gradient_clip_val=0.1"],
        ["--trainer.limit_train_batches=2", "--trainer.val_check_interval=1", "--data.steps_per_execution=1"],
        ["--data.train_size=13", "--data.augmentation.rotation=10"],
    ],
    ids=str,
)
def test_any_network_can_be_looked_at(tmp_path, args):
    events = events_of(fit(tmp_path, *args, epochs=1))
    assert len(events.Scalars("delta_norm/layer_1")) == 2
    split = "train" if "--data.val_size=0" in args else "val"
    tags = events.Tags()
    assert f"{split}/confusions" in tags["images"]
    says_probabilities = "--model.output_activation=identity" not in args
    assert (f"{split}/reliability" in tags["images"]) == says_probabilities
    assert (f"{split}/precision_recall_0" in tags["tensors"]) == says_probabilities
    tries_a_step = not {"--model.optimizer=LBFGS", "--trainer.gradient_clip_val=0.1", "--model.initializer=zeros"} & {
        *args
    }
    assert ("update_ratio/layer_1" in tags["scalars"]) == tries_a_step


def test_each_image_stands_beside_its_own_prediction(tmp_path):
    data = MNISTDataModule(val_size=20, batch_size=8)
    data.setup("fit")
    model = MLPClassifier([6])
    expected = model.mlp.predict_proba(data.val_images.images.float() / 255)
    data.trainer = cast(Any, SimpleNamespace(global_rank=0, world_size=2, strategy=SimpleNamespace(root_device=CPU)))
    split, seen = classify(model, data)
    assert split == "val"
    torch.testing.assert_close(seen.probabilities, expected.detach())
    assert torch.equal(seen.images, data.val_images.images)
    assert torch.equal(seen.labels, data.val_images.labels)
    assert model.training


def test_a_run_that_is_continued_inside_an_epoch_is_timed(tmp_path):
    run = fit(tmp_path, "--trainer.max_steps=7", "--data.steps_per_execution=1")
    main(["fit", "--ckpt_path", str(run / "checkpoints/last.ckpt"), "--trainer.max_steps=12", "--trainer.max_epochs=9"])
    points = events_of(run).Scalars("time/training_seconds")
    assert steps_of(points) == [7, 12]
    assert points[1].value > points[0].value


def test_what_was_logged_after_the_checkpoint_that_is_gone_on_from_is_forgotten(tmp_path):
    run = fit(tmp_path, epochs=4)
    early = run / "checkpoints" / "best.ckpt"
    step = torch.load(early, weights_only=True)["global_step"]
    main(["fit", "--ckpt_path", str(early), "--trainer.max_epochs=6", f"--trainer.default_root_dir={tmp_path}"])
    events = events_of(run)
    assert steps_of(events.Scalars("delta_norm/layer_1")) == [0, 5, 10, 15, 20, 25, 30]
    assert steps_of(events.Scalars("val/acc")) == [4, 9, 14, 19, 24, 29]
    assert step < 30
    for tag in events.Tags()["scalars"]:
        steps = steps_of(events.Scalars(tag))
        assert steps == sorted(steps), tag


def test_a_divergence_is_still_one_sentence(tmp_path):
    with pytest.raises(SystemExit, match=r"became (nan|inf|NaN or infinite).* the last good checkpoint is"):
        fit(
            tmp_path,
            "--model.optimizer=SGD",
            "--model.optimizer.lr=1e38",
            "--model.cost=mse",
            "--model.output_activation=identity",
            "--model.activation=identity",
        )


def test_the_worst_mistakes_come_first_and_what_is_right_by_class(monkeypatch):
    shown = {}
    monkeypatch.setattr(
        "mnist_mlp.dashboard.panels.draw_captioned",
        lambda images, captions: shown.update(zip(captions, images, strict=True)),
    )
    labels = torch.tensor([3, 3, 1, 0, 3])
    probabilities = torch.full((5, 10), 0.01)
    for i, (said, sure) in enumerate([(5, 0.6), (5, 0.9), (1, 0.8), (0, 0.7), (3, 0.5)]):
        probabilities[i, said] = sure
    images = (torch.arange(5, dtype=torch.uint8) * 51)[:, None].expand(5, 784)
    seen = Classified(images, labels, probabilities)
    draw_worst(seen, probabilities.argmax(dim=1))
    assert list(shown) == ["5, not 3\n0.900", "5, not 3\n0.600"]
    assert [round(image.mean().item(), 1) for image in shown.values()] == [0.2, 0.0]
    shown.clear()
    draw_right(seen, probabilities.argmax(dim=1))
    assert list(shown) == ["0\n0.700", "1\n0.800", "3\n0.500"]


def test_precision_and_recall_are_of_their_class(tmp_path):
    events = events_of(fit(tmp_path, epochs=1))
    content = events.Tensors("val/precision_recall_4")[0].tensor_proto
    true_positives, false_positives = tensor_util.make_ndarray(content)[:2, 0]
    data = MNISTDataModule(val_size=20, batch_size=8)
    data.setup("fit")
    positives = (data.val_images.labels == 4).sum().item()
    assert (true_positives, false_positives) == (positives, 20 - positives)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_histograms_leave_out_what_is_not_finite(tmp_path, bad):
    from torch.utils.tensorboard.writer import SummaryWriter

    with SummaryWriter(tmp_path) as writer:
        add_histogram(writer, "some", torch.tensor([1.0, bad, 2.0]), 0)
        add_histogram(writer, "none", torch.tensor([bad]), 0)
    events = events_of(tmp_path)
    assert events.Tags()["histograms"] == ["some"]
    assert events.Histograms("some")[0].histogram_value.num == 2


def test_looking_changes_nothing(tmp_path):
    args = ["--model.dropout=0.5", "--model.optimizer=Adam", "--model.optimizer.lr=0.01"]
    parameters = [
        torch.load(fit(tmp_path / name, *args, *switches) / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
        for name, switches in (("with", []), ("without", SWITCHED_OFF))
    ]
    assert all(torch.equal(parameters[0][name], parameters[1][name]) for name in parameters[1])


def test_no_hook_is_in_the_hot_loop():
    hot = [name for name in dir(Callback) if "train_batch" in name or "backward" in name or "zero" in name]
    for callback in Dashboard().callbacks():
        assert not set(hot) & set(vars(type(callback)))


@pytest.mark.parametrize("values", [torch.randn(1000), torch.zeros(7), torch.tensor([1.0, 2.0, 2.0, 3.0])])
def test_histograms_count_what_is_there(tmp_path, values):
    from torch.utils.tensorboard.writer import SummaryWriter

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


@pytest.mark.parametrize("width", [3, 200])
def test_the_projector_is_given_the_vectors_or_their_principal_components(tmp_path, width):
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(30, 20, generator=generator) @ torch.randn(20, width, generator=generator)
    write_projection(tmp_path, "last_hidden_layer", vectors, list(range(30)), torch.rand(30, 784, generator=generator))
    lines = (tmp_path / "projector/vectors.tsv").read_text().splitlines()
    written = torch.tensor([[float(value) for value in line.split("\t")] for line in lines])
    assert written.shape == (30, min(width, 30, PROJECTED_DIMENSIONS))
    torch.testing.assert_close(torch.cdist(written, written), torch.cdist(vectors, vectors), rtol=1e-2, atol=0.1)
    assert (tmp_path / "projector/labels.tsv").read_text().split() == [str(i) for i in range(30)]
    with Image.open(tmp_path / "projector" / "sprite.png") as sprite:
        assert sprite.size == (6 * 28, 6 * 28)
    config = (tmp_path / "projector_config.pbtxt").read_text()
    assert all(
        Path(tmp_path / path).exists() for path in ("projector/sprite.png", "projector/vectors.tsv") if path in config
    )
    assert config.count("projector/") == 3
