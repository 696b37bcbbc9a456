"""A checkpoint of which any byte was changed, or any part is missing, is refused by all that read checkpoints."""

import io
import random
import shutil
import zipfile
from pathlib import Path

import pytest
import torch
from lightning import Trainer

from mnist_mlp import load
from mnist_mlp.cli import main
from mnist_mlp.fit.checkpoint_files import SafeCheckpointIO, read_checkpoint

OLD = Path(__file__).parent.parent / "old_run" / "small" / "version_0" / "checkpoints"
SMALL = [
    "--model.hidden_sizes=[3]",
    "--data.dataset=digits",
    "--data.val_size=300",
    "--data.batch_size=100",
    "--trainer.accelerator=cpu",
    "--trainer.enable_progress_bar=false",
    "--dashboard.enabled=false",
    "--model.optimizer=SGD",
    "--model.optimizer.lr=0.1",
]


@pytest.fixture
def checkpoints(tmp_path, monkeypatch, without_shape_checks):
    """The checkpoints of a run of two epochs, in the present folder's logs."""
    monkeypatch.chdir(tmp_path)
    main(["fit", *SMALL, "--name=small", "--trainer.max_epochs=2"])
    return Path("logs/small/version_0/checkpoints")


def flipped(content, bit):
    """The same bytes, but for one bit."""
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def refused(*command):
    """The one line that a command ends with."""
    with pytest.raises(SystemExit) as caught:
        main([*command])
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert len(sentence) < 300
    return sentence


def flips_that_load(path, content, bits):
    """The bits whose flip is not noticed."""
    loaded = []
    for bit in bits:
        path.write_bytes(flipped(content, bit))
        try:
            read_checkpoint(path)
        except ValueError as error:
            assert "or it is damaged" in str(error)  # noqa: PT017
        else:
            loaded.append(bit)
    return loaded


def test_no_flip_of_a_bit_is_read(checkpoints):
    path = checkpoints / "best.ckpt"
    content = path.read_bytes()
    n, draw = 8 * len(content), random.Random(0)
    bits = [draw.randrange(n) for _ in range(40)] + [*range(200)] + [*range(n - 200 * 8, n, 3)]
    assert flips_that_load(path, content, bits) == []


@pytest.mark.slow
def test_no_flip_of_four_hundred_is_read(checkpoints):
    draw = random.Random(1)
    for path in (checkpoints / "best.ckpt", checkpoints / "last.ckpt"):
        content = path.read_bytes()
        assert flips_that_load(path, content, [draw.randrange(8 * len(content)) for _ in range(400)]) == []


def test_no_part_and_no_page_of_zeros_is_read(checkpoints):
    path = checkpoints / "last.ckpt"
    content = path.read_bytes()
    length, draw = len(content), random.Random(2)
    for cut in [*range(0, 200, 7), *(draw.randrange(length) for _ in range(40)), *range(length - 300, length)]:
        path.write_bytes(content[:cut])
        with pytest.raises(ValueError, match=r"it is damaged|is empty"):
            read_checkpoint(path)
    for start in range(0, length, 4096):
        path.write_bytes(content[:start] + bytes(len(content[start : start + 4096])) + content[start + 4096 :])
        with pytest.raises(ValueError, match="it is damaged"):
            read_checkpoint(path)
    path.write_bytes(content + b"\0")
    with pytest.raises(ValueError, match="it is damaged"):
        read_checkpoint(path)


@pytest.mark.parametrize("name", ["best.ckpt", "last.ckpt"])
def test_a_flip_in_an_older_checkpoint_is_refused_or_harmless(tmp_path, name):
    content = (OLD / name).read_bytes()
    right = read_checkpoint(OLD / name)["state_dict"]
    path, draw = tmp_path / name, random.Random(3)
    for bit in flips_that_load(path, content, [draw.randrange(8 * len(content)) for _ in range(60)]):
        path.write_bytes(flipped(content, bit))
        stored = read_checkpoint(path)["state_dict"]
        assert all(torch.equal(stored[key], value) for key, value in right.items())
    path.write_bytes(content[:-1])
    with pytest.raises(ValueError, match="it is damaged"):
        read_checkpoint(path)


COMMANDS = ["fit", "validate", "test", "predict", "verify", "export --format npz", "draw"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_it_and_names_the_other(checkpoints, command):
    for name, other in (("best", "last"), ("last", "best")):
        path = checkpoints / f"{name}.ckpt"
        whole = path.read_bytes()
        # in the middle of the largest file, which are weights
        with zipfile.ZipFile(path) as archive:
            largest = max(archive.infolist(), key=lambda info: info.file_size)
        path.write_bytes(flipped(whole, 8 * (largest.header_offset + largest.file_size // 2)))
        torch.load(path, weights_only=True)  # torch does not notice
        sentence = refused(*command.split(), f"--ckpt_path={name}")
        assert f"{path} is not a checkpoint of this project, or it is damaged" in sentence
        assert sentence.endswith(f"the run's other checkpoint is whole: --ckpt_path {checkpoints / other}.ckpt")
        path.write_bytes(whole)


def test_where_both_are_damaged_none_is_named(checkpoints):
    for name in ("best", "last"):
        path = checkpoints / f"{name}.ckpt"
        path.write_bytes(path.read_bytes()[:-1])
    assert refused("test").endswith("give one that mnist-mlp fit wrote")


@pytest.mark.parametrize("state", ["is damaged", "is not there"])
def test_a_damaged_best_checkpoint_is_said_before_the_training_goes_on(checkpoints, capsys, state):
    best = checkpoints / "best.ckpt"
    best.unlink() if state == "is not there" else best.write_bytes(flipped(best.read_bytes(), 5000))
    capsys.readouterr()
    # so slow that no epoch is better than the best before
    main(["fit", "--ckpt_path=last", "--trainer.max_epochs=3", "--model.optimizer.lr=1e-9"])
    said, _, summary = capsys.readouterr().out.partition("\nbest val/acc ")
    assert f"{best} {state}: the best of the epochs that follow takes its place" in said.replace(f"{Path.cwd()}/", "")
    assert "in epoch 3 " in summary
    assert load(best).settings["epoch"] == 2


def test_a_checkpoint_without_a_digest_is_read(tmp_path):
    torch.save({"epoch": 3}, tmp_path / "plain.ckpt")
    assert read_checkpoint(tmp_path / "plain.ckpt") == {"epoch": 3}


def test_others_read_a_checkpoint_with_a_digest(tmp_path):
    path = tmp_path / "sealed.ckpt"
    SafeCheckpointIO().save_checkpoint({"weight": torch.arange(1000)}, path)
    for mmap in (False, True):
        assert torch.equal(torch.load(path, weights_only=True, mmap=mmap)["weight"], torch.arange(1000))
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        assert archive.testzip() is None
        assert archive.comment.startswith(b"sha256 of all before: ")


def test_lightning_reads_through_the_same_check(tmp_path):
    trainer = Trainer(plugins=[SafeCheckpointIO()], accelerator="cpu", logger=False, enable_checkpointing=False)
    path = tmp_path / "last.ckpt"
    shutil.copy(OLD / "last.ckpt", path)
    assert trainer.strategy.load_checkpoint(path)["epoch"] == 2
    path.write_bytes(flipped(path.read_bytes(), 30_000))
    with pytest.raises(ValueError, match="it is damaged"):
        trainer.strategy.load_checkpoint(path)
