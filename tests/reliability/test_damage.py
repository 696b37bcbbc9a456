"""A file of a run of which bits were changed, or a part is missing, is refused by its name, or makes no difference."""

import re
import shutil

import pytest
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
    """The same bytes with some damage."""
    kind = draw.choice(["flip", "flip", "flip", "zeros", "cut", "more", "empty" if draw.random() < 0.1 else "flip"])
    if not content:
        return "more", b"\0"
    if kind == "flip":
        changed = bytearray(content)
        bit = draw.randrange(8 * len(content))
        changed[bit // 8] ^= 1 << bit % 8
        return kind, bytes(changed)
    if kind == "zeros":
        start = PAGE * draw.randrange(len(content) // PAGE + 1)
        return kind, content[:start] + bytes(len(content[start : start + PAGE])) + content[start + PAGE :]
    if kind == "cut":
        return kind, content[: draw.randrange(len(content))]
    return kind, content + draw.randbytes(draw.choice([1, 100, PAGE])) if kind == "more" else b""


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


def without_the_texts(page, run):
    """A report without what it shows as it is."""
    return re.sub(rb"(?s)<h2>Configuration</h2>.*?<h2>", b"", page)


def judge(trials, name, use, whole, folder, ended):
    """Count how a use of a run ended of which one file is damaged."""
    expected, found = whole[use], result(folder, use, ended)
    text = ended.errors + ended.said
    what = (use, name, ended.errors[-2000:], ended.said[:500])
    if ended.hung or ended.left_behind or "Traceback" in text:
        trials.check(False, *what)
    elif ended.status != 0:
        sentence = ended.errors.removeprefix("mnist-mlp: error: ").rstrip("\n")
        is_one = "\n" not in sentence and len(sentence) <= LONGEST and sentence != ended.errors
        if trials.check(is_one and name in sentence and ended.status == 1, "not one sentence", len(sentence), *what):
            trials.counts["refused"] += 1
    elif (
        name in ended.errors
        or (name in ended.said and not difference(expected[1:], found[1:]))
        or CHANGED in ended.said
    ):
        trials.counts["mentioned"] += 1
    elif use == "report" and name in ("config.yaml",):
        same = without_the_texts(expected[1], None) == without_the_texts(found[1], None)
        trials.check(same, "another page", *what)
        trials.counts["shown as it is"] += 1
    elif trials.check(not difference(expected, found), "another result", difference(expected, found), *what):
        trials.counts["harmless"] += 1


def test_damage(trials, commands, tmp_path):
    whole = tmp_path / "whole"
    whole.mkdir()
    assert commands.run(FIT, whole).status == 0
    for use in ("predict", "report"):
        assert commands.run(USES[use], whole).status == 0
    expected, folder = {}, tmp_path / "damaged"
    for use, args in USES.items():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(whole, folder)
        ended = commands.run(args, folder)
        assert ended.status == 0, ended
        expected[use] = result(folder, use, ended)
    files = [path.relative_to(whole) for path in sorted(whole.rglob("*")) if path.is_file()]
    trials.counts[f"files: {', '.join(path.name for path in files)}"] = len(files)
    for draw in trials:
        use = draw.choice([*USES])
        heavy = draw.random() < 0.7
        file = draw.choice(
            [
                path
                for path in files
                if not heavy or path.suffix == ".ckpt" or path.name == "config.yaml" or "events" in path.name
            ]
        )
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(whole, folder)
        kind, content = damaged(draw, (whole / file).read_bytes())
        (folder / file).write_bytes(content)
        trials.counts[kind] += 1
        judge(trials, file.name, use, expected, folder, commands.run(USES[use], folder))
    trials.end()
