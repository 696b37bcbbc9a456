"""A file of a run of which bits were changed, or a part is missing, is refused by its name, or makes no difference."""

import re
import shutil
from typing import Any

import pytest
import yaml
from reliability.runs import difference, scalars, stored

pytestmark = pytest.mark.slow

FIT = [
    *["fit", "--model.hidden_sizes=[8]", "--data.dataset=digits", "--data.train_size=130", "--data.val_size=100"],
    *["--data.batch_size=10", "--trainer.max_epochs=2", "--trainer.accelerator=cpu", "--name=small"],
    *["--trainer.enable_progress_bar=false", "--model.optimizer=SGD", "--model.optimizer.lr=0.1"],
]
MORE = ["--trainer.enable_progress_bar=false", "--trainer.accelerator=cpu"]
USES = {  # by what they leave in the run's folder
    "test": ["test", *MORE],
    "validate": ["validate", *MORE],
    "predict": ["predict", *MORE],
    "continue": ["fit", "--ckpt_path=last", "--trainer.max_epochs=3", *MORE],
    "continue from best": ["fit", "--ckpt_path=best", "--trainer.max_epochs=3", *MORE],
    "report": ["report", "logs"],
    "export": ["export", "--format=npz", "--output=network.npz"],
    "draw": ["draw", "--output=page.html"],
}
PAGE = 4096  # bytes
LONGEST = 300  # characters
CHANGED = "continued with other settings than before: "


def damaged(draw, content):
    """The kind of damage, and the same bytes with it."""
    kind = draw.choice(["flips", "flips", "flips", "zeroed pages", "cuts", "additions"])
    n = len(content)
    if kind == "flips":
        bit = draw.randrange(8 * n)
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        return kind, bytes(changed)
    if kind == "zeroed pages":
        start = PAGE * draw.randrange(n // PAGE + 1)
        return kind, content[:start] + bytes(len(content[start : start + PAGE])) + content[start + PAGE :]
    if kind == "cuts":
        return kind, content[: draw.choice([0, draw.randrange(n), draw.randrange(n), draw.randrange(n)])]
    return kind, content + draw.randbytes(draw.choice([1, 100, PAGE]))


def result(folder, use, ended):
    """What a use has made: what it says, and what it has written."""
    run = folder / "logs/small/version_0"
    said = re.sub(r"\d+(\.\d)? s\b", "", ended.said)
    if use.startswith("continue") and ended.status == 0:
        checkpoints = {name: stored(run / "checkpoints" / f"{name}.ckpt") for name in ("best", "last")}
        return said, checkpoints, scalars(run)
    written = {
        "predict": run / "predictions.csv",
        "report": run / "report.html",
        "export": folder / "network.npz",
        "draw": folder / "page.html",
    }.get(use)
    return said, written.read_bytes() if written and written.exists() else b""


def without_settings(page):
    """A report without what it shows as it is."""
    return re.sub(rb"(?s)<h2>Configuration</h2>.*?<h2>", b"", page)


def names_in(settings):
    """The names of all settings."""
    if not isinstance(settings, dict):
        return set()
    return {
        name for name, value in settings.items() for name in ({name} if value is None else {name} | names_in(value))
    }


def judge(trials, name, use, whole, folder, ended):
    """Count how a use of a run ended of which one file is damaged."""
    expected, found = whole[use], result(folder, use, ended)
    what = (use, name, ended.errors[-2000:], ended.said[:500])
    if ended.hung or ended.left_behind or "Traceback" in ended.errors + ended.said:
        trials.check(False, *what)
    elif ended.status != 0:
        sentence = ended.errors.removeprefix("mnist-mlp: error: ").rstrip("\n")
        is_one = "\n" not in sentence and len(sentence) <= LONGEST and sentence != ended.errors and ended.status == 1
        names_it = name in sentence or (name == "config.yaml" and any(each in sentence for each in whole["settings"]))
        trials.counts["refused"] += trials.check(is_one and names_it, "not one sentence", *what)
    elif not difference(expected, found):
        trials.counts["harmless"] += 1
    elif (
        name in ended.errors
        or CHANGED in ended.said
        or (name in ended.said and not difference(expected[1:], found[1:]))
    ):
        trials.counts["said, and gone on"] += 1
    else:  # the settings stand in a report as they are
        same = use == "report" and without_settings(expected[1]) == without_settings(found[1])
        trials.counts["harmless"] += trials.check(same, "another result", difference(expected, found), *what)


def test_damage(trials, commands, tmp_path):
    whole = tmp_path / "whole"
    whole.mkdir()
    assert commands.run(FIT, whole).status == 0
    for use in ("predict", "report"):
        assert commands.run(USES[use], whole).status == 0
    folder = tmp_path / "damaged"
    expected: dict[str, Any] = {
        "settings": names_in(yaml.safe_load((whole / "logs/small/version_0/config.yaml").read_text()))
    }
    for use, args in USES.items():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(whole, folder)
        ended = commands.run(args, folder)
        assert ended.status == 0, ended
        expected[use] = result(folder, use, ended)
    files = [path.relative_to(whole) for path in sorted(whole.rglob("*")) if path.is_file()]
    read = [path for path in files if path.suffix == ".ckpt" or path.name == "config.yaml" or "tfevents" in path.name]
    for draw in trials:
        use, file = draw.choice([*USES]), draw.choice(read if draw.random() < 0.7 else files)
        shutil.rmtree(folder)
        shutil.copytree(whole, folder)
        kind, content = damaged(draw, (whole / file).read_bytes())
        (folder / file).write_bytes(content)
        trials.counts[f"{kind} in {len(files)} files"] += 1
        judge(trials, file.name, use, expected, folder, commands.run(USES[use], folder))
    trials.end()
