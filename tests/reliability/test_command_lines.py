"""Command lines that nobody means: what was asked for, or one sentence that names the option or the file."""

import re
import shutil

import pytest
from reliability.commands import SMALL
from reliability.test_settings import EXCEPTION, LONGEST

pytestmark = pytest.mark.slow

CALM = ["--trainer.enable_progress_bar=false", "--trainer.accelerator=cpu"]
OPTIONS = {  # of each command, those that take a value
    "test": ["ckpt_path", "name", "data.val_size", "data.batch_size", "data.dataset", "model.hidden_sizes", "config"],
    "validate": ["ckpt_path", "name", "data.val_size", "trainer.limit_val_batches", "model.cost", "config"],
    "predict": ["ckpt_path", "name", "csv", "json", "picture", "data.val_size", "trainer.limit_predict_batches"],
    "fit": [
        "ckpt_path",
        "name",
        "trainer.max_epochs",
        "model.hidden_sizes",
        "data.val_size",
        "config",
        "seed_everything",
    ],
    "export": ["ckpt_path", "name", "format", "output"],
    "draw": ["ckpt_path", "name", "output"],
    "report": ["output"],
    "verify": ["ckpt_path", "config", "json", "break"],
    "lessons": ["folder", "output"],
    "reproduce": ["seeds", "budget", "device", "configs", "json", "markdown", "chart"],
}
ALWAYS = {"draw": ["--no_open"], "lessons": ["--list"], "reproduce": ["nothing"]}
ALWAYS |= dict.fromkeys(("test", "validate", "fit"), CALM)
RUN = "logs/small/version_0"
VALUES = [
    *(
        "best",
        "last",
        "small",
        "small.x",
        "",
        " ",
        "..",
        ".",
        "/",
        "~",
        "*",
        "[",
        "{}",
        "null",
        "-1",
        "0",
        "1",
        "1e9",
        "nan",
    ),
    *("inf", "x" * 300, "é", "\u202e", "%s", "a\nb", "npz", "torch", "BP1", "relu", "digits", "[3]", "[]", "quadratic"),
    *(f"{RUN}/checkpoints/best.ckpt", f"{RUN}/checkpoints/last.ckpt", f"{RUN}/config.yaml", RUN, "logs", "out.csv"),
    *("out.json", "out.png", "none/out.png", "out.html", "empty", "picture.png", "text.png", "-", "cpu", "cuda", "2.5"),
]


def command_line(draw):
    """A command, and what is typed behind it."""
    command = draw.choice([*OPTIONS])
    typed, known = [], OPTIONS[command]
    for _ in range(draw.choice([0, 1, 1, 2, 3])):
        name, value = draw.choice(known), draw.choice(VALUES)
        if draw.random() < 0.1:
            name = name[: draw.randrange(len(name))] + draw.choice("xé_ ") + name[draw.randrange(len(name)) :]
        typed += draw.choice([[f"--{name}={value}"], [f"--{name}={value}"], [f"--{name}", value], [f"--{name}"]])
    typed += draw.choices(VALUES, k=draw.choice([0, 0, 0, 1, 2]))
    draw.shuffle(typed) if draw.random() < 0.1 else None
    if command == "verify" and not any(word.startswith(("--config", "--ckpt_path")) for word in typed):
        typed += ["--ckpt_path=best"]  # else it verifies for minutes
    return [command, *typed, *ALWAYS.get(command, [])]


def flaw(ended, typed):
    """What is wrong with how a command ended, or nothing."""
    if "Traceback" in ended.errors + ended.said:
        return "traceback"
    if ended.hung or ended.left_behind:
        return "hangs, or leaves a process behind"
    if ended.status == 0:
        return ""
    if typed[0] == "predict" and ended.said and not ended.errors:  # several pictures have a row each
        return ""
    *before, sentence = ended.errors.rstrip("\n").split("\n")
    is_argparse = ended.status == 2 and before and before[0].startswith("usage: ")
    if before and not is_argparse:
        return "not one sentence"
    sentence = re.sub(r"^mnist-mlp( \w+)?: error: ", "", sentence)
    if len(sentence) > LONGEST:
        return f"{len(sentence)} characters"
    if EXCEPTION.search(sentence):
        return "the name of an exception or a class"
    words = {part for word in typed for part in re.split(r"[=\s]", word.removeprefix("--")) if part}
    words |= {part for word in words for part in re.split(r"[./]", word) if len(part) > 2}
    words |= {"are required", "unrecognized arguments:", "name rows", "batch_size"}  # where it is not what was typed
    return "" if any(word[:50] in sentence for word in words) else "names nothing of what was typed"


def test_command_lines(trials, commands, tmp_path):
    whole, folder = tmp_path / "whole", tmp_path / "tried"
    whole.mkdir()
    assert commands.run(["fit", *SMALL, "--data.train_size=120"], whole).status == 0
    (whole / "empty").touch()
    (whole / "text.png").write_text("no picture")
    (whole / "picture.png").write_bytes((whole / RUN / "projector" / "sprite.png").read_bytes())
    for draw in trials:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(whole, folder)
        args = command_line(draw)
        ended = (commands.run_anew if trials.number % 50 == 49 else commands.run)(args, folder)
        found = flaw(ended, args)
        end = "did what was asked" if ended.status == 0 else "refused in one sentence"
        trials.counts[end] += trials.check(not found, found, args, ended.said[-300:], ended.errors[-1500:])
    trials.end()
