"""A training that is killed at any moment, and continued until it is done, is the training that was never killed."""

import shutil
import signal

import pytest
from reliability.runs import difference, scalars, stored

pytestmark = pytest.mark.slow

SMALL = [
    "--model.hidden_sizes=[8]",
    "--data.dataset=digits",
    "--data.train_size=130",
    "--data.val_size=100",
    "--data.batch_size=10",
    "--trainer.max_epochs=6",
    "--trainer.accelerator=cpu",
    "--trainer.enable_progress_bar=false",
    "--name=small",
]
SIGNALS = [signal.SIGKILL] * 4 + [signal.SIGTERM, signal.SIGINT]
OPTIMIZERS = [
    ["--model.optimizer=SGD", "--model.optimizer.lr=0.1", "--model.optimizer.momentum=0.9"],
    ["--model.optimizer=Adam", "--model.optimizer.lr=0.01"],
    ["--model.optimizer=AdamW", "--model.optimizer.lr=0.01", "--model.optimizer.amsgrad=true"],
]
SCHEDULES = [
    [],
    ["--model.scheduler=ExponentialLR", "--model.scheduler.gamma=0.8"],
    ["--model.scheduler=StepLR", "--model.scheduler.step_size=7", "--model.scheduler_interval=step"],
]
OTHERS = [
    [],
    ["--trainer.gradient_clip_val=0.5"],
    ["--trainer.accumulate_grad_batches=2"],
    ["--data.augmentation.rotation=10"],
    ["--model.input_dropout=0.2", "--model.l2=0.1"],
    ["--trainer.check_val_every_n_epoch=2"],
    ["--data.val_size=0"],
]


def recipe(draw):
    """The settings of a small training."""
    return [
        *SMALL,
        f"--model.gradients={draw.choice(['manual', 'autograd'])}",
        f"--data.steps_per_execution={draw.choice([1, 1, 3, 5, 'auto'])}",
        f"--model.dropout={draw.choice([0.0, 0.3])}",
        f"--dashboard.enabled={draw.choice(['true', 'false', 'false', 'false'])}",
        *draw.choice(OPTIMIZERS),
        *draw.choice(SCHEDULES),
        *draw.choice(OTHERS),
    ]


def content(run):
    """What of a run must be the same."""
    names = [path.name for path in (run / "checkpoints").iterdir()]
    checkpoints = {name: stored(run / "checkpoints" / name) for name in names}
    texts = {name: (run / name).read_text() for name in ("config.yaml", "hparams.yaml")}
    return {**checkpoints, **texts, "scalars": scalars(run)}


def is_one_sentence(ended):
    """Whether a command that did not succeed has said why in one line, or was killed before it could."""
    return ended.status < 0 or (ended.errors.count("\n") == 1 and ended.errors.startswith("mnist-mlp: "))


def newest(folder):
    return max(folder.glob("logs/small/version_*"), key=lambda path: int(path.name.split("_")[1]))


def moment(draw, whole, start):
    """After how many seconds a training is stopped: most often while it trains."""
    return draw.uniform(start, whole) if draw.random() < 0.8 else draw.uniform(0, 1.1 * whole)


def test_kills(trials, commands, tmp_path):
    for draw in trials:
        run, tries = (commands.run_anew, 1) if draw.random() < 0.05 else (commands.run, 6)
        folders = [tmp_path / name for name in ("whole", "killed")]
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        args = ["fit", *recipe(draw)]
        whole = run(args, folders[0])
        if not trials.check(whole.status == 0, " ".join(args), whole):
            continue
        expected = content(newest(folders[0]))
        for _ in range(tries):
            try_one(trials, run, draw, args, whole.seconds, folders[1], expected)
            shutil.rmtree(folders[1])
            folders[1].mkdir()
    trials.end()


def try_one(trials, run, draw, args, seconds, folder, expected):
    """Stop one training, perhaps several times, and continue it until it is done."""
    kills, history, begun = draw.choice([1, 1, 1, 2, 3]), [" ".join(args)], False
    while True:
        command = ["fit", "--ckpt_path=last"] if begun else args
        stop = (moment(draw, seconds, 0.4 * seconds), draw.choice(SIGNALS)) if kills else None
        ended = run(command, folder, stop=stop)
        history.append(f"{stop}: {ended.status} {ended.errors}")
        if not trials.check(not ended.hung and not ended.left_behind, "hung, or left a process behind", *history):
            return
        if ended.status == 0:
            break
        stopped = stop and ended.status in (1, -stop[1])
        if not trials.check(stopped and is_one_sentence(ended), *history):
            return
        trials.counts["stopped"] += 1
        kills -= 1
        begun = any(folder.glob("logs/small/*/checkpoints/last.ckpt"))
    different = difference(expected, content(newest(folder)))
    trials.counts["trainings that ended bit for bit as without"] += trials.check(not different, *history, different)
