"""Python does what the command line does: the same settings give the same bits, and the same sentences."""

from pathlib import Path

import pytest
import torch
import yaml
from lightning import Callback

from mnist_mlp import MLPClassifier
from mnist_mlp.cli import main
from mnist_mlp.fit import prepare
from mnist_mlp.fit.settings import laid_over
from mnist_mlp.lightning_internals.callback_list import callbacks_of

QUICK = Path(__file__).parent.parent.parent / "configs" / "quickstart.yaml"
ADAM = {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.02, "amsgrad": True, "fused": True}}
QUIET = {"accelerator": "cpu", "enable_progress_bar": False}


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch, without_shape_checks):
    monkeypatch.chdir(tmp_path)


def parameters_of(folder):
    return torch.load(Path(folder) / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


def test_the_same_settings_give_the_same_bits_and_the_same_configuration(capsys):
    session = prepare(
        "fit",
        QUICK,
        model={"hidden_sizes": [30, 20], "dropout": 0.25, "optimizer": ADAM},
        data={"batch_size": 200},
        trainer={**QUIET, "max_epochs": 1},
        seed_everything=3,
        name="python",
        dashboard={"health": False},
    )
    session.execute()
    options = "--config {} --name=typed --seed_everything=3 --data.batch_size=200 --model.hidden_sizes=[30,20]"
    options += " --model.dropout=0.25 --model.optimizer=torch.optim.Adam --model.optimizer.lr=0.02"
    options += " --model.optimizer.amsgrad=true --trainer.max_epochs=1 --trainer.accelerator=cpu"
    options += " --trainer.enable_progress_bar=false --dashboard.health=false"
    main(["fit", *options.format(QUICK).split()])
    ours, typed = parameters_of("logs/python/version_0"), parameters_of("logs/typed/version_0")
    assert ours.keys() == typed.keys()
    assert all(torch.equal(ours[name], value) for name, value in typed.items())
    assert all(torch.equal(ours[name], value) for name, value in session.model.state_dict().items() if "mlp" in name)
    configs = [yaml.safe_load(Path(f"logs/{name}/version_0/config.yaml").read_text()) for name in ("python", "typed")]
    assert configs[0] == {**configs[1], "name": "python"}
    summaries = [line for line in capsys.readouterr().out.splitlines() if "784-30-20-10 relu, cross_entropy" in line]
    assert len(summaries) == 2
    assert summaries[0] == summaries[1]
    assert session.seconds > 0


def test_a_session_holds_what_is_trained_before_it_runs():
    session = prepare(config=str(QUICK), trainer={**QUIET, "logger": False, "enable_checkpointing": False})
    assert session.model.mlp.sizes == (784, 200, 10)
    assert session.datamodule.batch_size == 32
    assert session.trainer.max_epochs == session.config.trainer.max_epochs
    assert session.config.name == "quickstart"
    assert session.trainer.global_step == session.seconds == 0
    assert not list(Path().iterdir())


def test_no_file_is_needed():
    session = prepare(model={"hidden_sizes": []}, data={"dataset": "digits", "val_size": 300}, trainer=QUIET)
    assert session.config.name == "digits"
    assert session.model.mlp.sizes == (784, 10)


def test_the_optimizer_where_none_is_given_is_that_of_the_class():
    model = prepare("fit", model={"hidden_sizes": [5]}).model
    parameters = list(model.parameters())
    ours, of_the_class = model.optimizer(parameters), MLPClassifier([5]).optimizer(parameters)
    assert type(ours) is type(of_the_class)
    assert ours.defaults == of_the_class.defaults


def test_the_seed_comes_before_the_first_weights():
    trainer = {**QUIET, "logger": False, "enable_checkpointing": False}
    first, again, other = (prepare(config=QUICK, seed_everything=seed, trainer=trainer) for seed in (5, 5, 6))
    assert first.datamodule.seed == 5
    assert torch.equal(first.model.mlp.weights[0], again.model.mlp.weights[0])
    assert not torch.equal(first.model.mlp.weights[0], other.model.mlp.weights[0])


def test_what_is_typed_is_laid_over_all():
    session = prepare(
        "fit", QUICK, typed=["--data.batch_size=20"], data={"batch_size": 50, "val_size": 100}, trainer=QUIET
    )
    assert session.datamodule.batch_size == 20
    assert session.datamodule.val_size == 100
    assert session.config.name == "quickstart"


class Order(Callback):
    """Note which checkpoints there are at the end of each epoch."""

    def __init__(self):
        self.seen = []

    def on_train_epoch_end(self, trainer, pl_module):
        self.seen.append(list(Path().rglob("*.ckpt")))


def test_callbacks_come_before_all_others_and_are_not_configured():
    order = Order()
    session = prepare("fit", QUICK, callbacks=[order], trainer={**QUIET, "max_epochs": 1})
    assert callbacks_of(session.trainer)[0] is order
    session.execute()
    assert order.seen == [[]]
    config = yaml.safe_load(Path("logs/quickstart/version_0/config.yaml").read_text())
    assert not config["trainer"]["callbacks"]


def test_a_run_is_continued_with_what_it_was_trained_with_and_what_is_given_wins():
    prepare("fit", QUICK, model={"hidden_sizes": [20], "optimizer": ADAM}, trainer={**QUIET, "max_epochs": 1}).execute()
    session = prepare(
        ckpt_path="last", model={"optimizer": {"init_args": {"lr": 0.5}}}, trainer={**QUIET, "max_epochs": 2}
    )
    assert session.checkpoint == Path("logs/quickstart/version_0/checkpoints/last.ckpt")
    session.execute()
    assert session.model.mlp.sizes == (784, 20, 10)
    group = session.trainer.optimizers[0].param_groups[0]
    assert (group["lr"], group["amsgrad"]) == (0.5, True)
    assert [path.name for path in Path("logs/quickstart").iterdir()] == ["version_0"]


def test_a_measurement_is_of_the_checkpoint_that_is_found():
    trained = prepare("fit", QUICK, trainer={**QUIET, "max_epochs": 1})
    trained.execute()
    measured = prepare("validate", trainer=QUIET)
    assert measured.checkpoint == Path("logs/quickstart/version_0/checkpoints/best.ckpt")
    measured.execute()
    assert measured.trainer.callback_metrics["val/acc"] == trained.trainer.callback_metrics["val/acc"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"model": {"activation": "rleu"}}, "activation must be one of identity, relu, scaled_tanh, sigmoid, tanh"),
        ({"model": {"hidden_sizes": [30.5]}}, r"model\.hidden_sizes: expected list or int; got \[30\.5\]"),
        ({"model": {"hiden_sizes": [30]}}, r"did you mean model\.hidden_sizes\?"),
        ({"data": {"batch_size": "many"}}, r"data\.batch_size: expected int; got many"),
        ({"seed_everything": True}, r"seed_everything must be an integer of at least 0 and below 2\*\*32; got True"),
        ({"seed_everything": -1}, r"seed_everything must be an integer of at least 0 and below 2\*\*32; got -1"),
        ({"ckpt_path": "missing.ckpt"}, r"there is no file missing\.ckpt"),
        ({"config": "missing.yaml"}, r"config: File does not exist: 'missing\.yaml'"),
        ({"command": "fitt"}, "command must be one of fit, validate, test, predict; got 'fitt'"),
    ],
)
def test_bad_settings_are_refused_in_the_command_lines_words(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        prepare(**{"config": QUICK, **settings})
    assert not list(Path().iterdir())


@pytest.mark.parametrize(("content", "sentence"), [("model: [\n", "Problems parsing config"), ("digits", "by section")])
def test_a_file_without_settings_is_refused(tmp_path, content, sentence):
    (tmp_path / "bad.yaml").write_text(content)
    with pytest.raises(ValueError, match=sentence):
        prepare(config="bad.yaml")


def test_settings_are_laid_over_others_section_by_section():
    below = {"name": "a", "model": {"cost": "mse", "optimizer": ADAM}, "trainer": {"max_epochs": 3}}
    above = {"name": "b", "model": {"optimizer": {"init_args": {"lr": 1.0}}}}
    assert laid_over(below, above) == {
        "name": "b",
        "model": {"cost": "mse", "optimizer": {**ADAM, "init_args": {**ADAM["init_args"], "lr": 1.0}}},
        "trainer": {"max_epochs": 3},
    }
    assert below["model"]["optimizer"] == ADAM


def test_another_class_does_not_inherit_settings():
    sgd = {"class_path": "torch.optim.SGD", "init_args": {"lr": 1.0}}
    assert laid_over({"optimizer": ADAM}, {"optimizer": sgd}) == {"optimizer": sgd}
    assert laid_over({"optimizer": ADAM}, {"optimizer": "torch.optim.SGD"}) == {"optimizer": "torch.optim.SGD"}
    assert laid_over({"optimizer": "torch.optim.SGD"}, {"optimizer": {"init_args": {"lr": 1.0}}}) == {"optimizer": sgd}


@pytest.mark.parametrize("how", ["typed", "file", "Python"])
def test_a_number_of_neurons_is_one_hidden_layer(how, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("model: {hidden_sizes: 30}\ndata: {dataset: digits}\n")
    session = {
        "typed": lambda: prepare("fit", "quickstart", typed=["--model.hidden_sizes", "30"]),
        "file": lambda: prepare("fit", typed=["--config", "mine.yaml"]),
        "Python": lambda: prepare("fit", "quickstart", model={"hidden_sizes": 30}),
    }[how]()
    assert session.config.model.hidden_sizes == session.model.hparams["hidden_sizes"] == [30]
    assert session.model.mlp.sizes == (784, 30, 10)


def test_a_number_of_neurons_is_one_hidden_layer_of_the_class_too():
    model = MLPClassifier(30)
    assert model.mlp.sizes == (784, 30, 10)
    assert model.hparams["hidden_sizes"] == [30]
