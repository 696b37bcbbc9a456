import re
from html import unescape
from typing import cast

import numpy as np
import pytest
import torch
import yaml
from lightning.pytorch.callbacks import Callback
from typing_extensions import override

from mnist_mlp import MLPClassifier
from mnist_mlp.cli import main
from mnist_mlp.dashboard.panel import Panel, add_picture, writer_of
from mnist_mlp.dashboard.panels import PANELS, Dashboard, dashboard_with
from mnist_mlp.dashboard.run_log import read_run

SWITCHES_OF_EARLIER_VERSIONS = (
    "speed",
    "health",
    "histograms",
    "weights",
    "predictions",
    "projector",
    "description",
)


class WeightNorms(Panel):
    """How long the weights of the outputs are.

    And nothing else.
    """

    charts = {"length of the weights": ["weight_norm/.*"]}
    results = ("weight_norm/last",)

    @override
    def on_train_epoch_end(self, trainer, pl_module):
        if writer := writer_of(trainer):
            norm = cast(MLPClassifier, pl_module).mlp.weights[-1].norm().item()
            writer.add_scalar("weight_norm/last", norm, trainer.global_step)
            picture = np.full((8, 12, 3), 128, dtype=np.uint8)
            add_picture(writer, "weight_norm/grey", picture, "Grey, & nothing but <grey>", trainer.global_step)


def test_a_new_panel_is_one_class_and_one_line(fit, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("mnist_mlp.fit.arguments.Dashboard", dashboard_with(PANELS | {"norms": WeightNorms}))
    with pytest.raises(SystemExit, match="0"):
        main(["fit", "--help"])
    help_text = " ".join(capsys.readouterr().out.split())
    assert "--dashboard.norms false How long the weights of the outputs are. (default: true)" in help_text

    run = fit()
    log = read_run(run)
    assert log.scalars["weight_norm/last"][0] == [5, 10, 15]
    assert log.charts["length of the weights"] == ["weight_norm/.*"]
    assert "weight_norm/last" in log.results
    with pytest.raises(SystemExit, match="0"):
        main(["report", str(run)])
    page = (run / "report.html").read_text()
    assert "<td>weight_norm/last</td>" in page
    assert "<!-- length of the weights -->" in page  # as matplotlib marks its texts
    (caption,) = re.findall(r"<figcaption>(.*grey.*)</figcaption>", page)
    assert unescape(caption) == "Grey, & nothing but <grey>; after 15 mini-batches."

    without = read_run(fit("--dashboard.norms=false", folder=tmp_path / "without"))
    assert "weight_norm/last" not in without.scalars
    assert "length of the weights" not in without.charts
    assert "weight_norm/grey" not in without.images


def test_steps_go_on_where_a_run_does(fit, events_of, steps_of, tmp_path):
    run = fit(epochs=2)
    last = str(run / "checkpoints" / "last.ckpt")
    main(["fit", "--ckpt_path", last, "--trainer.max_epochs=4", f"--trainer.default_root_dir={tmp_path}"])
    for tag in ("delta_norm/layer_1", "weights/layer_1"):
        assert steps_of(run, tag) == [0, 5, 10, 15, 20]
    assert steps_of(run, "weights/first_layer") == [0, 5, 10, 20]
    for tag in events_of(run).Tags()["scalars"]:
        assert steps_of(run, tag) == sorted(steps_of(run, tag)), tag


@pytest.mark.parametrize("switch", ["enabled", *PANELS])
def test_each_part_can_be_switched_off(fit, events_of, switch):
    run = fit(f"--dashboard.{switch}=false", "--data.augmentation.rotation=10", epochs=1)
    tags = events_of(run).Tags()
    names = {tag.split("/")[0] for kind in ("scalars", "images", "histograms", "tensors") for tag in tags[kind]}
    lost = {
        "speed": {"time", "learning_rate"},
        "health": {"delta_norm", "gradient_norm", "update_ratio", "dead", "saturated"},
        "histograms": {"deltas", "activations"},
        "weights": set(),
        "distortions": {"digits"},
        "predictions": set(),
        "projector": set(),
        "description": {"config", "model", "environment", "custom_scalars__config__"},
    }
    for part, of_part in lost.items():
        assert of_part & names == (set() if switch in (part, "enabled") else of_part)
    assert ("val/mistakes" in tags["images"]) == (switch not in ("predictions", "enabled"))
    assert ("weights/first_layer" in tags["images"]) == (switch not in ("weights", "enabled"))
    assert tags["graph"] == (switch not in ("description", "enabled"))
    assert (run / "projector_config.pbtxt").exists() == (switch not in ("projector", "enabled"))
    assert {"train/loss", "val/acc"} <= set(tags["scalars"])


def test_switches_stand_in_the_config_of_the_run(fit):
    written = yaml.safe_load((fit("--dashboard.speed=false", epochs=1) / "config.yaml").read_text())["dashboard"]
    assert written == {"enabled": True} | dict.fromkeys(PANELS, True) | {"speed": False}


def test_configs_of_earlier_versions_are_read(fit, tmp_path, capsys):
    config = tmp_path / "old.yaml"
    config.write_text(yaml.safe_dump({"dashboard": dict.fromkeys(SWITCHES_OF_EARLIER_VERSIONS, False)}))
    log = read_run(fit("--config", str(config), epochs=1))
    assert {tag.split("/")[0] for tag in log.scalars} == {"train", "val", "epoch"}
    assert log.images == {}
    capsys.readouterr()
    with pytest.raises(SystemExit, match="0"):
        main(["fit", "--config", str(config), "--print_config", "--dashboard.speed=true"])
    printed = yaml.safe_load(capsys.readouterr().out)["dashboard"]
    assert printed["speed"] is True
    assert printed["health"] is False
    assert printed["enabled"] is True


def test_an_unknown_switch_is_refused(fit):
    with pytest.raises(SystemExit, match=r"sped.*did you mean dashboard.speed"):
        fit("--dashboard.sped=false")


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
def test_any_network_can_be_looked_at(fit, events_of, args):
    events = events_of(fit(*args, epochs=1))
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


def test_metrics_are_logged_for_each_epoch(fit, steps_of):
    run = fit()
    for tag in ("train/loss", "train/acc", "val/loss", "val/acc"):
        assert steps_of(run, tag) == [4, 9, 14]  # Lightning counts from 0


def test_a_run_that_is_continued_forgets_what_was_logged_after_its_checkpoint(fit, events_of, steps_of, tmp_path):
    run = fit(epochs=4)
    early = run / "checkpoints" / "best.ckpt"
    step = torch.load(early, weights_only=True)["global_step"]
    main(["fit", "--ckpt_path", str(early), "--trainer.max_epochs=6", f"--trainer.default_root_dir={tmp_path}"])
    assert steps_of(run, "delta_norm/layer_1") == [0, 5, 10, 15, 20, 25, 30]
    assert steps_of(run, "val/acc") == [4, 9, 14, 19, 24, 29]
    assert step < 30
    for tag in events_of(run).Tags()["scalars"]:
        assert steps_of(run, tag) == sorted(steps_of(run, tag)), tag


def test_a_divergence_is_still_one_sentence(fit):
    with pytest.raises(SystemExit, match=r"became (nan|inf|NaN or infinite).* the last good checkpoint is"):
        fit(
            "--model.optimizer=SGD",
            "--model.optimizer.lr=1e38",
            "--model.cost=mse",
            "--model.output_activation=identity",
            "--model.activation=identity",
        )


def test_looking_changes_nothing(fit, tmp_path):
    args = ["--model.dropout=0.5", "--model.optimizer=Adam", "--model.optimizer.lr=0.01"]
    looked_at, unseen = (
        torch.load(fit(*args, switch, folder=tmp_path / switch) / "checkpoints/last.ckpt", weights_only=True)
        for switch in ("--dashboard.enabled=true", "--dashboard.enabled=false")
    )
    assert all(torch.equal(looked_at["state_dict"][name], unseen["state_dict"][name]) for name in unseen["state_dict"])


def test_no_hook_is_in_the_hot_loop():
    hot = [name for name in dir(Callback) if "train_batch" in name or "backward" in name or "zero" in name]
    callbacks = Dashboard().callbacks()
    assert {*PANELS.values()} < {type(callback) for callback in callbacks}
    for callback in callbacks:
        assert [name for name in hot if getattr(type(callback), name) is not getattr(Callback, name)] == []
