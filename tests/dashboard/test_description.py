from importlib.metadata import version
from typing import Any, cast

import pytest
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar.metadata import CONFIG_SUMMARY_TAG
from tensorboard.plugins.hparams import plugin_data_pb2

from mnist_mlp.cli import main
from mnist_mlp.dashboard.run_log import read_run

RESULTS = ["val/acc", "val/loss", "train/acc", "train/loss", "test/acc", "test/loss", "time/training_seconds"]


def test_texts_and_graph_say_what_is_trained(fit, events_of):
    run = fit("--data.augmentation.rotation=10", epochs=1)
    texts = read_run(run).texts
    assert "rotation: 10.0" in texts["config"]
    assert "| 1 | 784 | 6 | relu | 4,710 |" in texts["model"]
    assert "| 3 | 5 | 10 | softmax | 60 |" in texts["model"]
    assert f"| torch | {version('torch')} |" in texts["environment"]
    assert "train-images-idx3-ubyte" in texts["environment"]
    assert events_of(run).Tags()["graph"]


def test_charts_have_something_to_show(fit):
    log = read_run(fit(epochs=1))
    assert log.charts == {
        "accuracy": ["train/acc", "val/acc"],
        "cost": ["train/loss", "val/loss"],
        "norm of delta, by layer": [f"delta_norm/layer_{l}" for l in (1, 2, 3)],
        "norm of the gradient, by layer": [f"gradient_norm/layer_{l}" for l in (1, 2, 3)],
        "length of a step / length of the weights, by layer": [f"update_ratio/layer_{l}" for l in (1, 2, 3)],
        "dead rectifiers, by layer": ["dead/layer_1"],
        "saturated activations, by layer": ["saturated/layer_2"],
    }
    assert {tag for tags in log.charts.values() for tag in tags} <= set(log.scalars)


def test_each_frame_of_tensorboard_has_one_curve_of_a_run(fit, events_of):
    """It draws all curves of a run in one colour."""
    *_, tensor = events_of(fit(epochs=1)).Tensors(CONFIG_SUMMARY_TAG)
    layout = cast(Any, layout_pb2).Layout.FromString(tensor.tensor_proto.string_val[0])
    frames = [chart for category in layout.category for chart in category.chart]
    assert [category.title for category in layout.category][:2] == ["accuracy", "cost"]
    assert [list(frame.multiline.tag) for frame in frames] == [[frame.title] for frame in frames]


def test_what_is_switched_off_has_no_chart_and_no_result(fit):
    log = read_run(fit("--dashboard.health=false", "--dashboard.speed=false", epochs=1))
    assert list(log.charts) == ["accuracy", "cost"]
    assert log.results == RESULTS[:-1]


def test_hyper_parameters_stand_beside_real_results(fit, events_of, tmp_path):
    run = fit("--model.l2=3")
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
    assert metrics == RESULTS == read_run(run).results
    assert "hp_metric" not in events.Tags()["scalars"]
    assert -1 not in [
        point.value for tag in metrics if tag in events.Tags()["scalars"] for point in events.Scalars(tag)
    ]
    main(["test", f"--trainer.default_root_dir={tmp_path}", "--trainer.accelerator=cpu"])
    assert events_of(run).Scalars("test/acc")[-1].value > 0
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["version_0"]
