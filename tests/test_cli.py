"""The command line, as its users meet it: what it prints, what it writes, and what it says to bad input."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mnist_mlp.cli import COMMANDS, main
from mnist_mlp.fit import prepare

QUICK = Path(__file__).parent.parent / "configs" / "quickstart.yaml"
SHORT = ["--config", str(QUICK), "--trainer.max_epochs=2", "--trainer.accelerator=cpu"]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys, without_shape_checks):
    """Run `mnist-mlp` in an empty folder; gives the exit status, and what it printed on each stream."""
    monkeypatch.chdir(tmp_path)

    def mnist_mlp(*args):
        status = 0
        try:
            main([str(arg) for arg in args])
        except SystemExit as stop:
            status = stop.code
            if isinstance(status, str):
                print(status, file=sys.stderr)
                status = 1
        return status, *capsys.readouterr()

    return mnist_mlp


@pytest.fixture
def trained(run):
    """The folder of a finished run."""
    status, _, err = run("fit", *SHORT)
    assert status == 0, err
    return Path("logs/quickstart/version_0")


def scalars(folder):
    events = EventAccumulator(str(folder))
    events.Reload()
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_help_lists_the_commands_without_importing_torch():
    code = (
        "import sys; from mnist_mlp.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: assert 'torch' not in sys.modules"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for command in ("fit", "validate", "test", "predict", "verify"):
        assert f"\n    {command} " in out


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_of_the_table_is_there(command):
    (module, function), summary = COMMANDS[command][0].split(":"), COMMANDS[command][1]
    assert callable(getattr(import_module(f"mnist_mlp.{module}"), function))
    assert summary


@pytest.mark.parametrize("status", [None, 0, 3])
def test_one_more_command_is_one_line_of_the_table(run, monkeypatch, status):
    given = []
    module = SimpleNamespace(run=lambda args: given.append(args) or status)
    monkeypatch.setitem(sys.modules, "mnist_mlp.greeting.command", module)
    monkeypatch.setitem(COMMANDS, "greet", ("greeting.command:run", "say hello"))
    assert run("greet", "--name", "you")[0] == (status or 0)
    assert given == [["--name", "you"]]
    assert re.search(r"\n    greet +say hello\n", run("--help")[1])


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("words", [["--ckpt_path="], ["--ckpt_path", ""], ["--name=a", "--ckpt_path=", "--json=b"]])
def test_an_empty_value_is_not_taken_for_none(run, command, words):
    """As a variable of the shell that is not set leaves it: verify compared all there is, and test the newest run."""
    sentence = "mnist-mlp: error: --ckpt_path has an empty value; give one, or leave it out\n"
    assert run(command, *words) == (1, "", sentence)


def test_an_empty_argument_is_none_either(run):
    sentence = "mnist-mlp: error: report has an empty argument; give one, or leave it out\n"
    assert run("report", " ", "", "--output=a.html") == (1, "", sentence)


def test_module_and_script_are_the_same():
    out = subprocess.run([sys.executable, "-m", "mnist_mlp", "--help"], capture_output=True, text=True, check=True)
    assert out.stdout.startswith("usage: mnist-mlp")


def test_fit_writes_a_run_and_sums_it_up(run):
    status, out, err = run("fit", *SHORT)
    assert status == 0, err
    folder = Path("logs/quickstart/version_0")
    best, where = out.strip().splitlines()[-2:]
    assert re.fullmatch(r"best val/acc \d\d\.\d\d % in epoch [12] · \d+\.\d s", best)
    assert where == f"{folder}/checkpoints/best.ckpt · mnist-mlp dashboard logs"
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["model"]["hidden_sizes"] == [200]
    assert config["trainer"]["max_epochs"] == 2
    assert {path.name for path in (folder / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    logged = scalars(folder)
    for tag in ("train/loss", "train/acc", "val/loss", "val/acc"):
        assert [step for step, _ in logged[tag]] == [35, 71]
    assert "hp_metric" not in logged


def test_a_second_run_gets_its_own_folder_and_is_the_newest(run, trained):
    run("fit", *SHORT)
    assert sorted(path.name for path in trained.parent.iterdir()) == ["version_0", "version_1"]
    run("fit", *SHORT, "--name=other")
    assert "checkpoint logs/other/version_0/checkpoints/last.ckpt" in run("validate", "--ckpt_path=last")[1]
    newest_of_its_name = run("validate", "--ckpt_path=last", "--name=quickstart")[1]
    assert "checkpoint logs/quickstart/version_1/checkpoints/last.ckpt" in newest_of_its_name


def test_best_and_last_are_what_they_say(run):
    _, out, _ = run("fit", *SHORT, "--trainer.max_epochs=6", "--model.optimizer.lr=0.02")
    folder = Path("logs/quickstart/version_0")
    accuracies = [value for _, value in scalars(folder)["val/acc"]]
    best = torch.load(folder / "checkpoints" / "best.ckpt", weights_only=True)
    last = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert best["epoch"] == accuracies.index(max(accuracies))  # files count from 0, people from 1
    assert f"best val/acc {100 * max(accuracies):.2f} % in epoch {best['epoch'] + 1} · " in out
    assert last["epoch"] == 5


def test_test_finds_the_newest_run(run, trained):
    status, out, _ = run("test")
    assert status == 0
    assert f"checkpoint {trained}/checkpoints/best.ckpt" in out
    assert re.search(r"^test/acc \d\d\.\d\d % · test/loss 0\.\d+$", out, re.MULTILINE)
    assert "test/acc" not in run("test", "--verbose=false")[1]
    _, out, _ = run("test", "--ckpt_path", "last")
    assert f"checkpoint {trained}/checkpoints/last.ckpt" in out
    # Its figures join the run's, and its configuration stays that of the training.
    assert set(scalars(trained)) >= {"test/loss", "test/acc", "train/acc"}
    assert yaml.safe_load((trained / "config.yaml").read_text())["trainer"]["max_epochs"] == 2
    assert [path.name for path in trained.parent.iterdir()] == ["version_0"]


def test_validate_repeats_the_best_accuracy_and_leaves_the_run_alone(run, trained):
    before = sorted(path.name for path in trained.rglob("*"))
    status, out, _ = run("validate", "--ckpt_path", trained / "checkpoints" / "best.ckpt")
    best = max(value for _, value in scalars(trained)["val/acc"])
    assert status == 0
    assert [float(value) for value in re.findall(r"val/acc\D+([\d.]+)", out)] == [pytest.approx(100 * best, abs=0.005)]
    assert sorted(path.name for path in trained.rglob("*")) == before


def test_predict_writes_a_row_for_each_validation_image(run, trained):
    status, out, _ = run("predict")
    rows = (trained / "predictions.csv").read_text().splitlines()
    assert status == 0
    assert "300 validation images" in out
    assert rows[0] == "index,label,predicted,probability"
    assert [int(row.split(",")[0]) for row in rows[1:]] == list(range(1137, 1437))
    right = sum(row.split(",")[1] == row.split(",")[2] for row in rows[1:])
    best = max(value for _, value in scalars(trained)["val/acc"])
    assert right / 300 == pytest.approx(best)


def test_a_checkpoint_brings_its_settings_and_what_is_typed_wins(run, trained):
    shutil.copy(trained / "checkpoints" / "best.ckpt", "moved.ckpt")
    status, _, err = run("test", "--ckpt_path", "moved.ckpt")
    assert status == 0, err  # 200 hidden neurons and the digits came from the checkpoint
    status, _, err = run("test", "--ckpt_path", "moved.ckpt", "--model.hidden_sizes=[30]")
    assert status == 1
    assert "another architecture" in err


def test_an_older_run_is_not_continued_outside_its_folder(run, trained):
    stored = torch.load(trained / "checkpoints" / "last.ckpt", weights_only=True)
    del stored["config"]
    torch.save(stored, "moved.ckpt")
    sentence = refused(run, "fit", *SHORT, "--ckpt_path=moved.ckpt")
    assert "whose runs are continued in their folder, and has no config.yaml beside it" in sentence


def test_a_run_goes_on_in_its_own_folder(run, trained):
    status, _, err = run("fit", "--ckpt_path", "last", "--trainer.max_epochs=4")
    assert status == 0, err
    assert [path.name for path in trained.parent.iterdir()] == ["version_0"]
    assert [step for step, _ in scalars(trained)["val/acc"]] == [35, 71, 107, 143]
    whole = ["--config", str(QUICK), "--trainer.max_epochs=4", "--trainer.accelerator=cpu", "--name=whole"]
    run("fit", *whole)
    resumed = torch.load(trained / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    uninterrupted = torch.load("logs/whole/version_0/checkpoints/last.ckpt", weights_only=True)["state_dict"]
    assert all(torch.equal(resumed[name], value) for name, value in uninterrupted.items())


def test_a_run_that_was_moved_keeps_its_best_checkpoint(run, trained, tmp_path):
    best = trained / "checkpoints" / "best.ckpt"
    before = torch.load(best, weights_only=True)["state_dict"]
    moved = tmp_path / "elsewhere" / "mine" / "version_0"
    shutil.move(trained, moved)
    # A large learning rate makes the last epoch worse.
    status, _, err = run(
        "fit", f"--ckpt_path={moved}/checkpoints/last.ckpt", "--trainer.max_epochs=3", "--model.optimizer.lr=0.5"
    )
    assert status == 0, err
    stored = torch.load(moved / "checkpoints" / "last.ckpt", weights_only=True)
    assert stored["epoch"] == 2
    after = torch.load(moved / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    assert all(torch.equal(after[name], value) for name, value in before.items())


@pytest.mark.parametrize(
    ("typed", "states"),
    [
        (["--model.optimizer.lr=0.5"], {"lr": 0.5}),
        (["--model.optimizer=SGD", "--model.optimizer.lr=0.25"], {"lr": 0.25, "momentum": 0}),
        ([], {"lr": 0.002}),
    ],
)
def test_a_typed_optimizer_setting_wins_over_the_checkpoints(run, trained, typed, states):
    status, _, err = run("fit", "--ckpt_path", "last", "--trainer.max_epochs=3", *typed)
    assert status == 0, err
    stored = torch.load(trained / "checkpoints" / "last.ckpt", weights_only=True)
    group = stored["optimizer_states"][0]["param_groups"][0]
    assert {key: group[key] for key in states} == states


def test_all_images_may_train(run):
    status, out, err = run("fit", *SHORT, "--data.val_size=0")
    assert status == 0, err
    assert re.search(r"^epoch 2 · \d+\.\d s · logs/quickstart/version_0/checkpoints/last\.ckpt$", out, re.MULTILINE)
    assert run("test", "--ckpt_path", "last")[0] == 0


def test_a_run_without_an_epoch_says_so(run):
    status, out, err = run("fit", *SHORT, "--trainer.max_epochs=0")
    assert status == 0, err
    assert "no checkpoint of a best epoch was written" in out


def test_seed_everything_is_the_seed_of_the_data_too(run):
    assert prepare("fit", typed=[*SHORT, "--seed_everything=3"]).datamodule.seed == 3
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run("fit", *SHORT, f"--name={name}", f"--seed_everything={seed}")
    a, b, c = (
        torch.load(f"logs/{name}/version_0/checkpoints/last.ckpt", weights_only=True)["state_dict"] for name in "abc"
    )
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not all(torch.equal(a[name], c[name]) for name in a)


def refused(run, *args):
    """The one sentence that a command is refused with."""
    status, _, err = run(*args)
    assert status in (1, 2)
    assert "Traceback" not in err
    (sentence,) = [line for line in err.splitlines() if line.startswith("mnist-mlp: error: ")]
    return sentence.removeprefix("mnist-mlp: error: ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--model.activation=rleu"],
            "activation must be one of identity, relu, scaled_tanh, sigmoid, tanh; got 'rleu'",
        ),
        (["--model.cost=mean"], "cost must be one of binary_cross_entropy, cross_entropy, mse, quadratic; got 'mean'"),
        (["--model.initializer=hee"], "initializer must be one of fan_out, he, large, normal(std), pytorch"),
        (["--data.dataset=emnist"], "dataset must be one of mnist, fashion_mnist, kmnist, digits, emnist_balanced, "),
        (["--data.dataset=emnist"], "a folder of pictures for each class; got 'emnist', which isn't there"),
        (["--model.num_classes=9"], "model.num_classes must be 10, the classes of digits; got 9: leave it out"),
        (["--model.num_classes=1"], "model.num_classes must be 10, the classes of digits; got 1"),
        (["--model.hidden_sizes=[30,0]"], "sizes must be two or more positive integers"),
        (["--model.hidden_sizes=[-30]"], "sizes must be two or more positive integers"),
        (["--model.hidden_sizes=[30.5]"], "model.hidden_sizes: expected list or int; got [30.5]"),
        (["--model.hidden_sizes=thirty"], "model.hidden_sizes: "),
        (["--model.dropout=1"], "dropout must lie in [0, 1); got 1"),
        (["--model.l2=-1"], "l2 must be at least 0; got -1"),
        (["--data.val_size=1437"], "val_size must be less than the 1,437 training images of digits; got 1,437"),
        (["--data.train_size=2000"], "train_size must be at most the 1,137 images of digits that val_size 300 leaves"),
        (["--data.batch_size=2000"], "batch_size must be at most the 1,137 images that train; got 2,000"),
        (["--data.batch_size=many"], "data.batch_size: expected int; got many"),
        (["--data.steps_per_execution=many"], "data.steps_per_execution: expected int or 'auto'; got many"),
        (
            ["--data.steps_per_execution=5", "--trainer.val_check_interval=2"],
            "val_check_interval needs mini-batches one by one; got steps_per_execution 5: use 1, or auto",
        ),
        (["--model.hiden_sizes=[30]"], "did you mean model.hidden_sizes?"),
        (["--config=missing.yaml"], "File does not exist: "),
        (["--trainer.max_epochs=two"], "trainer.max_epochs: "),
        (["--ckpt_path=missing.ckpt"], "there is no file missing.ckpt"),
        (["--seed_everything=true"], "seed_everything must be an integer of at least 0 and below 2**32; got True"),
        (["--seed_everything=-1"], "seed_everything must be an integer of at least 0 and below 2**32; got -1"),
        (["--data.batch=32"], "unrecognized arguments: --data.batch=32"),
        (["--data.augmentation.rotation=-5"], "rotation must lie between 0 and 180; got -5.0"),
        (["--data.image_size=29", "--model.num_inputs=784"], "model.num_inputs must be 841, the pixels of"),
        (["--model.max_norm=0"], "max_norm must be larger than 0; got 0.0: leave it out for no limit"),
        (["--model.adversarial=-1"], "adversarial must be at least 0; got -1.0"),
        (["--model.l1=-1"], "l1 must be at least 0; got -1.0"),
        (["--model.initializer=[he]"], "initializer must be one name, or a list with one for each of the 2 layers"),
        (["--trainer.accumulate_grad_batches=0"], "trainer.accumulate_grad_batches must be at least 1; got 0"),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(run, arguments, sentence):
    assert sentence in refused(run, "fit", *SHORT, *arguments)
    assert not list(Path().rglob("*.ckpt"))


def test_what_nobody_expected_says_its_kind_and_how_to_see_more(run, monkeypatch):
    monkeypatch.setattr("mnist_mlp.fit.command.prepare", lambda *args, **kwargs: 1 // 0)
    assert "(ZeroDivisionError; MNIST_MLP_TRACEBACK=1 shows where)" in refused(run, "fit")


def test_an_unknown_key_in_a_file_gets_the_nearest_one(run, tmp_path):
    (tmp_path / "bad.yaml").write_text("model:\n  hiden_sizes: [30]\n")
    assert "did you mean model.hidden_sizes?" in refused(run, "fit", "--config=bad.yaml")


def test_a_file_that_is_not_yaml_is_refused(run, tmp_path):
    (tmp_path / "bad.yaml").write_text("model: [\n  hidden_sizes: 30\n")
    assert "Problems parsing config" in refused(run, "fit", "--config=bad.yaml")


def test_a_refused_continuation_leaves_the_configuration_as_it_was(run, trained):
    before = (trained / "config.yaml").read_text()
    refused(run, "fit", "--ckpt_path=last", "--trainer.max_epochs=3", "--model.hidden_sizes=[30]")
    assert (trained / "config.yaml").read_text() == before
    assert run("fit", "--ckpt_path=last", "--trainer.max_epochs=3")[0] == 0


def test_a_failed_continuation_does_not_hide_what_is_typed_later(run, trained):
    refused(run, "fit", "--ckpt_path=last", "--trainer.max_epochs=3", "--model.optimizer.lr=1e38")
    assert run("fit", "--ckpt_path=last", "--trainer.max_epochs=3", "--model.optimizer.lr=0.5")[0] == 0
    stored = torch.load(trained / "checkpoints" / "last.ckpt", weights_only=True)
    assert stored["optimizer_states"][0]["param_groups"][0]["lr"] == 0.5


def test_epochs_without_validation_do_not_forget_the_best(run, trained):
    best = trained / "checkpoints" / "best.ckpt"
    before = torch.load(best, weights_only=True)["state_dict"]
    assert run("fit", "--ckpt_path=last", "--trainer.max_epochs=3", "--data.val_size=0")[0] == 0
    worse = ["--trainer.max_epochs=4", "--data.val_size=300", "--model.optimizer.lr=0.5"]
    assert run("fit", "--ckpt_path=last", *worse)[0] == 0
    after = torch.load(best, weights_only=True)["state_dict"]
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_runs_without_a_logger_have_folders_of_their_own(run):
    for _ in range(2):
        status, _, err = run("fit", *SHORT, "--trainer.logger=false")
        assert status == 0, err
    for version in range(2):
        folder = Path(f"logs/quickstart/version_{version}")
        assert (folder / "config.yaml").exists()
        assert (folder / "checkpoints" / "best.ckpt").exists()
    assert run("fit", "--ckpt_path=last", "--trainer.max_epochs=3")[0] == 0


def test_a_run_is_found_by_the_names_in_its_configuration_file(run, tmp_path):
    text = QUICK.read_text().replace("trainer:", "name: mine\ntrainer:\n  default_root_dir: runs")
    (tmp_path / "mine.yaml").write_text(text)
    assert run("fit", "--config=mine.yaml", "--trainer.max_epochs=1")[0] == 0
    status, out, err = run("test", "--config=mine.yaml")
    assert status == 0, err
    assert "checkpoint runs/mine/version_0/checkpoints/best.ckpt" in out


def test_a_checkpoint_is_found_from_inside_its_run(run, trained, monkeypatch):
    monkeypatch.chdir(trained)
    status, _, err = run("fit", "--ckpt_path=checkpoints/last.ckpt", "--trainer.max_epochs=3")
    assert status == 0, err
    assert [path.name for path in Path("..").iterdir()] == ["version_0"]


def test_a_small_training_set_can_be_validated(run):
    assert run("fit", *SHORT, "--data.train_size=20", "--data.batch_size=10")[0] == 0
    assert run("validate")[0] == 0
    assert run("predict")[0] == 0


def test_predictions_may_be_limited(run, trained):
    assert "raise --trainer.limit_predict_batches" in refused(run, "predict", "--trainer.limit_predict_batches=0")
    assert not (trained / "predictions.csv").exists()


def test_a_terminated_run_says_how_to_go_on(run, tmp_path):
    command = [sys.executable, "-m", "mnist_mlp", "fit", *SHORT, "--trainer.max_epochs=10000"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    last = tmp_path / "logs/quickstart/version_0/checkpoints/last.ckpt"
    while not last.exists():
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "the run was interrupted; mnist-mlp fit --ckpt_path last continues it" in err
    assert run("test", "--ckpt_path=last")[0] == 0


def test_nothing_typed_is_refused_with_a_way_on(run):
    assert "--config quickstart" in refused(run, "fit")


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_nothing_but_the_name_shows_the_commands_each_in_a_line(run, arguments, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    status, out, err = run(*arguments)
    assert (status, err) == (0, "")
    for command, (_, summary) in COMMANDS.items():
        assert re.search(rf"^    {command} +{re.escape(summary)}$", out, flags=re.MULTILINE)
    assert "    mnist-mlp fit --config quickstart\n" in out


def test_the_version_is_that_of_torch_and_lightning_too():
    code = (
        "import sys; from mnist_mlp.cli import main\n"
        "try: main(['--version'])\n"
        "except SystemExit: print(*sorted({'torch', 'lightning'} & {*sys.modules}))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    torch_version = torch.__version__.partition("+")[0]
    found = re.fullmatch(r"mnist-mlp (\S+), torch (\S+), Lightning (\S+), Python (\S+)\n\n", out)
    assert found
    assert found[2].partition("+")[0] == torch_version
    assert found[4] == ".".join(map(str, sys.version_info[:3]))


@pytest.mark.parametrize("arguments", [["fitt"], ["--nonsense"]])
def test_an_unknown_command_is_refused(run, arguments):
    assert refused(run, *arguments)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize("accelerator", ["cuda", "gpu"])
def test_cuda_is_refused_where_there_is_none(run, accelerator):
    sentence = refused(run, "fit", *SHORT, f"--trainer.accelerator={accelerator}")
    assert sentence == (
        f"trainer.accelerator {accelerator} needs a CUDA device, and this machine has none; "
        "use --trainer.accelerator cpu"
    )


def test_no_files_and_no_network(run, tmp_path, offline):
    sentence = refused(run, "fit", *SHORT, "--data.dataset=mnist", f"--data.data_dir={tmp_path / 'none'}")
    for part in (str(tmp_path / "none"), "train-images-idx3-ubyte", "t10k-labels-idx1-ubyte", "--data.dataset digits"):
        assert part in sentence


def test_a_damaged_file_is_named_and_nothing_is_trained(run, tiny_mnist):
    file = tiny_mnist / "train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:1000])
    sentence = refused(run, "fit", *SHORT, "--data.dataset=mnist", "--data.val_size=20")
    assert f"{file} is not the published file: it is damaged" in sentence
    assert file.exists()
    assert not list(Path().rglob("*.ckpt"))


def test_an_unwritable_data_folder(run, tmp_path):
    (tmp_path / "file").touch()
    sentence = refused(run, "fit", *SHORT, "--data.dataset=mnist", f"--data.data_dir={tmp_path / 'file'}")
    assert "cannot be written" in sentence
    assert "--data.data_dir" in sentence


def test_an_unwritable_log_folder(run, tmp_path):
    (tmp_path / "file").touch()
    sentence = refused(run, "fit", *SHORT, "--trainer.default_root_dir=file")
    assert "the log folder file/quickstart cannot be written (Not a directory)" in sentence
    assert "--trainer.default_root_dir" in sentence


@pytest.mark.parametrize("content", [b"not a checkpoint", b"", b"PK\x03\x04 torn"])
def test_a_file_that_is_not_a_checkpoint(run, tmp_path, content):
    (tmp_path / "model.ckpt").write_bytes(content)
    for command in ("test", "fit"):
        assert "model.ckpt is not a checkpoint" in refused(run, command, *SHORT, "--ckpt_path=model.ckpt")


def test_a_file_of_another_program(run, tmp_path):
    torch.save({"weights": torch.zeros(3)}, tmp_path / "model.ckpt")
    assert "model.ckpt is not a checkpoint" in refused(run, "test", "--ckpt_path=model.ckpt")


def test_another_architecture_lists_what_is_missing_and_unexpected(run, trained):
    sentence = refused(run, "test", "--model.hidden_sizes=[30]")
    assert "missing mlp.layers.0.bias (30,)" in sentence
    assert "unexpected mlp.layers.0.bias (200,)" in sentence


def test_no_run_yet(run):
    assert "no run in logs has a best checkpoint; train one with mnist-mlp fit" in refused(run, "test")


def test_a_diverging_run_stops_with_a_sentence_and_keeps_its_checkpoints(run, trained):
    sentence = refused(run, "fit", "--ckpt_path=last", "--trainer.max_epochs=4", "--model.optimizer.lr=1e38")
    assert "the training loss became" in sentence
    assert "the learning rate is too large" in sentence
    assert sentence.endswith(f"; the last good checkpoint is {trained}/checkpoints/last.ckpt")
    stored = torch.load(trained / "checkpoints" / "last.ckpt", weights_only=True)
    assert all(value.isfinite().all() for value in stored["state_dict"].values())


def test_a_run_that_diverges_in_its_first_epoch_has_no_good_checkpoint(run):
    sentence = refused(run, "fit", *SHORT, "--model.optimizer.lr=1e38")
    assert sentence.endswith("; the last good checkpoint is none: none was written yet")


def test_verify_one_model_by_its_configuration(run, tmp_path):
    status, out, err = run("verify", "--config", QUICK, "--json", "rows.json", "--model.hidden_sizes=[20]")
    assert status == 0, err
    assert "2 combinations, 8 parameters: all agree" in out
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert {row["parameter"] for row in rows} == {f"layers.{i}.{p}" for i in range(2) for p in ("weight", "bias")}
    assert {row["dtype"] for row in rows} == {"float32", "float64"}
    assert all(row["central"] < 1e-6 for row in rows if row["dtype"] == "float64")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.json"]  # and no run's folder


def test_verify_a_checkpoint(run, trained):
    status, out, _ = run("verify", "--ckpt_path", "last")
    assert status == 0
    assert re.search(r": all agree · \d+ s$", out, re.MULTILINE)
    assert re.search(r"^ *float64 +layers\.0\.weight +[01]/1 +\S+ +\S+ +\S+ +yes *$", out, re.MULTILINE)
    assert "the others differ by rounding" in out
    assert "32 of them are allowed" in out


def test_verify_says_where_a_fault_cannot_be_found(run):
    sentence = refused(run, "verify", "--config", QUICK, "--break", "tanh")
    assert sentence == "the planted fault tanh was not found: nothing that was compared depends on it"


def test_verify_refuses_another_architecture(run, trained):
    sentence = refused(run, "verify", "--ckpt_path=best", "--model.hidden_sizes=[30]")
    assert "the checkpoint is of another architecture" in sentence


def test_verify_finds_a_planted_fault(run):
    status, out, _ = run("verify", "--config", QUICK, "--break", "BP4")
    assert status == 1
    assert "with the planted fault BP4: 2 combinations disagree" in out
    assert "{" not in out  # a table, which fits into a terminal
    assert max(map(len, out.splitlines())) <= 80
    (line,) = re.findall(r"^ *float32 +layers\.0\.weight .*", out, re.MULTILINE)
    assert re.fullmatch(r" *float32 +layers\.0\.weight +0/1 +\S+ +\S+ +no *", line)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--break", "BP5"], "invalid choice: 'BP5'"),
        (["--data.dataset=digits"], "--data.dataset=digits needs a model: give --config or --ckpt_path"),
        (["--ckpt_path=missing.ckpt"], "there is no file missing.ckpt"),
        (["--config=missing.yaml"], "File does not exist"),
        (["--config", str(QUICK), "--model.activation=rleu"], "activation must be one of"),
        (["--config", str(QUICK), "--json=missing/rows.json"], "missing"),
    ],
)
def test_verify_refuses_bad_input(run, arguments, sentence):
    status, _, err = run("verify", *arguments)
    assert status in (1, 2)
    assert sentence in err
    assert "Traceback" not in err


@pytest.mark.parametrize("option", ["--trainer.callbacks", "--trainer.callbacks+"])
def test_the_live_check_can_be_switched_on_from_the_command_line(run, option):
    check = f"{option}=mnist_mlp.verification.GradientCheck"
    assert run("fit", *SHORT, "--name=default", check)[0] == 0
    status, _, err = run("fit", *SHORT, check, "--trainer.callbacks.every_n_steps=30")
    assert status == 0, err
    errors = scalars("logs/quickstart/version_0")["gradients/max_relative_error"]
    assert [step for step, _ in errors] == [0, 30, 60]
    assert all(value < 1e-5 for _, value in errors)


@pytest.mark.parametrize("args", [["configs"], ["lessons", "--list"], ["--version"], ["reproduce", "--help"]])
def test_a_reader_who_has_seen_enough_is_no_error(args):
    with subprocess.Popen(
        [sys.executable, "-m", "mnist_mlp", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == ""
