"""Settings that nobody means: a run that does what was asked, or one sentence that names the setting."""

import json
import math
import re
import shutil
from itertools import count

import pytest
import torch
import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from reliability.conftest import SEED

from mnist_mlp.fit import prepare

pytestmark = pytest.mark.slow

BASE = {
    "model": {"hidden_sizes": [3], "optimizer": {"class_path": "SGD", "init_args": {"lr": 0.1}}},
    "data": {"dataset": "digits", "train_size": 40, "val_size": 20, "batch_size": 10},
    "trainer": {"max_epochs": 1, "accelerator": "cpu", "enable_progress_bar": False},
    "dashboard": {"enabled": False},
    "name": "small",
}
# what would start more processes than a machine has, wait for other machines, or look for files that are downloaded
LEFT_OUT = ("trainer.num_nodes", "config", "print_config", "trust", "trainer.strategy")
ENDLESS = ("max_epochs", "max_steps", "min_epochs", "min_steps", "max_time", "overfit_batches")
LONGEST = 300  # characters
SECONDS = 20.0
CLASSES = [
    "torch.optim.Adam",
    "Adam",
    "Adm",
    "torch.nn.Linear",
    "os.system",
    "builtins.dict",
    "StepLR",
    "EarlyStopping",
]
INIT_ARGS = ["lr", "momentum", "step_size", "gamma", "patience", "monitor", "T_max", "milestones", "eps", "betas", "x"]
GOOD = {
    "model.activation": ["relu", "tanh", "sigmoid", ["tanh"]],
    "model.cost": ["quadratic", "mse", "binary_cross_entropy"],
    "model.initializer": ["large", "scaled", "normal(0.1)"],
    "model.output_activation": ["identity", None],
    "model.gradients": ["manual", "autograd"],
    "model.dropout": [0.5, 0],
    "model.l2": [0.1, 0],
    "model.hidden_sizes": [[], [4, 5], [1]],
    "model.scheduler": ["StepLR", "ExponentialLR", None],
    "model.optimizer": ["Adam", "RMSprop", "LBFGS", "Rprop", "Muon", "SparseAdam"],
    "data.steps_per_execution": ["auto", 1, 2],
    "data.normalize": [True],
    "data.val_size": [0, 1],
    "data.batch_size": [1, 40, 7],
    "trainer.precision": [64, "bf16-mixed", "64-true", "16-mixed", 32],
    "trainer.gradient_clip_val": [0.5],
    "trainer.gradient_clip_algorithm": ["value", "norm"],
    "trainer.limit_train_batches": [2, 0.5, 0],
    "trainer.limit_val_batches": [1, 0.5, 0],
    "trainer.fast_dev_run": [True, 2],
    "trainer.profiler": ["simple"],
    "trainer.logger": [False, True, "CSVLogger"],
    "trainer.callbacks": ["EarlyStopping", "Timer", "LearningRateMonitor", "ModelSummary", "DeviceStatsMonitor"],
    "trainer.enable_checkpointing": [False],
    "trainer.max_steps": [3],
    "trainer.val_check_interval": [2, 0.5],
    "trainer.detect_anomaly": [True],
    "trainer.deterministic": [True, "warn"],
    "trainer.devices": [1, "auto"],
    "seed_everything": [0, 7, True],
    "name": ["other", "a b"],
    "ckpt_path": ["best", "last", "nothing.ckpt"],
}

numbers = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([10**4, 10**6, 10**9, 2**31, 2**63, 2**64, 10**30, -(10**18), 28, 784, 29]),
    st.floats(),
    st.sampled_from([0.5, 1.0, 1e-300, 1e300, -0.0, 1.5]),
)
texts = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", " ", "null", "None", "~", "nan", "1e5", "0x10", "1_000", "0100", "1:40", "yes", "auto", "*", "a: b"]
    ),
    st.sampled_from(
        ["../x", "a/b", "-1", "--", "%s", "{}", "[", "{a: 1}", "[1, 2", "é", "\u202e", "x" * 400, "9" * 50, "a\nb"]
    ),
    st.sampled_from(CLASSES),
)
plain = st.one_of(numbers, texts, st.booleans(), st.none())
classes = st.fixed_dictionaries(
    {"class_path": st.sampled_from(CLASSES)},
    optional={"init_args": st.dictionaries(st.sampled_from(INIT_ARGS), plain, max_size=2), "extra": plain},
)
values = st.one_of(
    plain,
    plain,
    st.lists(plain, max_size=3),
    classes,
    st.lists(classes, max_size=2),
    st.dictionaries(texts, plain, max_size=2),
    st.recursive(st.just([]), lambda inner: st.lists(inner, min_size=1, max_size=1), max_leaves=20),
)


def misspelt(name, i, letter):
    i %= len(name)
    return name[:i] + letter + name[i + 1 :]


@st.composite
def changes(draw, names):
    """Some settings with their values, by their names."""
    changed = {}
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(names))
        if draw(st.integers(0, 11)) == 0:
            name = misspelt(name, draw(st.integers(0, 40)), draw(st.sampled_from(["x", "", ".", "é", "-", "_", " "])))
        good = GOOD.get(name)
        changed[name] = draw(st.sampled_from(good) if good and draw(st.integers(0, 2)) else values)
    return changed, draw(st.sampled_from(["typed", "typed", "file", "yaml"])), draw(st.integers(0, 9))


def as_text(value):
    """A value as it is typed."""
    return value if isinstance(value, str) else json.dumps(value)


def without(text):
    """A text that can be an argument of a program, and leads to no folder above."""
    return re.sub(r"[\0\ud800-\udfff]", "?", text).replace("/tmp", "tmp")


def command_line(folder, changed, how, twice):
    """Write a configuration, and say what is typed."""
    content, typed = json.loads(json.dumps(BASE)), []
    for name, value in changed.items():
        if how == "typed":
            typed.append(without(f"--{name}={as_text(value)}"))
            typed += [typed[-1]] if twice == 0 else []
        else:
            put(content, name.split("."), value)
    text = json.dumps(content) if how == "file" else yaml.safe_dump(content, allow_unicode=True)
    (folder / "config.yaml").write_text(text, encoding="utf-8", errors="replace")
    return ["fit", "--config=config.yaml", *typed]


def put(content, path, value):
    for part in path[:-1]:
        inner = content.setdefault(part, {})
        content, _ = (inner, None) if isinstance(inner, dict) else (content, content.__setitem__(part, {}))
        content = content if inner is content else content[part]
    content[path[-1]] = value


def names_it(sentence, changed):
    """Whether a sentence names one of the settings that were changed, or the file that holds them."""
    parts = {part for name in changed for part in (name, name.split(".")[-1])} | {"config.yaml"}
    parts |= {".".join(name.split(".")[:2]) for name in changed}
    parts |= (
        {"limit_val_batches", "limit_train_batches"} if "trainer.overfit_batches" in changed else set()
    )  # it sets them
    return any(part and part in sentence for part in parts)


NULL_MEANS = {"name": "config", "model.num_inputs": 784, "model.num_classes": 10}  # the file's, and the data's
DIVERGED = "usually the learning rate is too large"
EXCEPTION = re.compile(r"\b[A-Z]\w*(Error|Exception|Warning|Interrupt)\b|<class|<function|object at 0x")


def flaw_of_refusal(ended, changed):
    """What is wrong with how a command was refused, or nothing."""
    sentence = ended.errors.removeprefix("mnist-mlp: error: ").rstrip("\n")
    if sentence == ended.errors or "\n" in sentence or ended.status not in (1, 2):
        return "not one sentence"
    if len(sentence) > LONGEST:
        return f"{len(sentence)} characters"
    if EXCEPTION.search(sentence) and not EXCEPTION.search(str(changed)):
        return "the name of an exception or a class"
    return "" if names_it(sentence, changed) or DIVERGED in sentence else "names no setting"


def given_as(value):
    """What YAML makes of a value that was typed."""
    if not isinstance(value, str):
        return value
    if re.fullmatch(r"0\d+", value):
        return int(value)  # in decimal
    try:
        return yaml.safe_load(value)
    except (yaml.YAMLError, ValueError):
        return value


def same(asked, written):
    """Whether what stands in a run's config.yaml is what was asked for."""
    if isinstance(asked, dict) and isinstance(written, dict):
        return all(name in written and same(value, written[name]) for name, value in asked.items())
    if isinstance(asked, list) and isinstance(written, list):
        return len(asked) == len(written) and all(map(same, asked, written))
    if isinstance(written, dict) and "class_path" in written:
        return isinstance(asked, str) and written["class_path"].split(".")[-1] == asked.split(".")[-1]
    if isinstance(asked, float) and isinstance(written, float) and math.isnan(asked):
        return math.isnan(written)
    return (
        asked == written
        or json.dumps(asked) == written
        or str(asked) == str(written)
        or given_as(asked) == written
        or str(given_as(asked)) == str(written)
    )


def flaw_of_run(ended, folder, changed):
    """What is wrong with a run that ended well, or nothing."""
    if ended.errors:
        return "warns"
    if re.search(r"\bnan\b|\binf\b", ended.said):
        return "not finite"
    configs = [*folder.rglob("version_*/config.yaml")]
    if not configs:
        return ""
    written = yaml.safe_load(configs[0].read_text())
    for name, value in changed.items():
        found = written
        for part in name.replace(".optimizer.lr", ".optimizer.init_args.lr").split("."):
            found = found.get(part) if isinstance(found, dict) else None
        if value is None and name in NULL_MEANS:
            value = NULL_MEANS[name]
        if name != "ckpt_path" and not same(value, found) and name.split(".")[0] in written:
            return f"{name} is {found!r}"
    for path in folder.rglob("last.ckpt"):
        state = torch.load(path, weights_only=True)["state_dict"]
        if not all(each.isfinite().all() for each in state.values() if each.is_floating_point()):
            return "weights that are not finite"
    return ""


def judge(trials, ended, folder, args, changed):
    what = (json.dumps(changed, default=str)[:1500], args[2:], ended.said[-300:], ended.errors[-1500:])
    if "Traceback" in ended.errors + ended.said:
        trials.check(False, "traceback", *what)
    elif ended.hung:
        endless = any(part in name for part in ENDLESS for name in changed)
        trials.counts["trained on until they were stopped"] += endless
        trials.check(endless, "hangs", *what)
    elif ended.left_behind:
        trials.check(False, "left behind", *what)
    elif ended.status == 0:
        flaw = flaw_of_run(ended, folder, changed)
        trials.counts["ran"] += trials.check(not flaw, flaw, *what)
    else:
        flaw = flaw_of_refusal(ended, changed)
        trials.counts["refused in one sentence"] += trials.check(not flaw, flaw, *what)


def all_names(folder, monkeypatch):
    """The names of all settings."""
    monkeypatch.chdir(folder)
    session = prepare("fit", **{**BASE, "trainer": {**BASE["trainer"], "logger": False, "enable_checkpointing": False}})
    names = {*session.parser.get_defaults().keys()} - {*LEFT_OUT}
    return sorted({*names, *GOOD, "model.optimizer.lr", "model.optimizer.init_args.lr", "model.scheduler.gamma"})


def test_settings(trials, commands, tmp_path, monkeypatch, without_shape_checks):
    names = all_names(tmp_path, monkeypatch)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "a" / "b" / "c"
    numbers = count()

    @settings(
        max_examples=50,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    @given(changes(names))
    def try_some(example):
        if trials.over:
            return
        trials.number = next(numbers)
        changed, how, twice = example
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        args = command_line(folder, changed, how, twice)
        anew = trials.number % 50 == 49  # which imports all, for seconds, or for many on a busy machine
        ended = commands.run_anew(args, folder) if anew else commands.run(args, folder, limit=SECONDS)
        judge(trials, ended, folder, args, changed)

    for i in count():
        if trials.over:
            break
        seed(f"{SEED} {i}")(try_some)()
    trials.end()
