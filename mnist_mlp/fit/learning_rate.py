"""`mnist-mlp fit --lr_find`: a learning rate for a network, its data and its optimizer, before they are trained.

Source: Smith, "Cyclical Learning Rates for Training Neural Networks", 2017, section 3.3, the LR range test.
"""

import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from jsonargparse import Namespace
from lightning import Trainer
from lightning.pytorch.tuner.tuning import Tuner

from mnist_mlp.console.figures import check_drawing, new_figure
from mnist_mlp.console.files import replaced_at_once
from mnist_mlp.fit.session import TrainingSession
from mnist_mlp.lightning_internals.callback_settings import rates_and_costs

LOWEST, HIGHEST = 1e-5, 10.0
STEPS = 100
FIRST = 10  # the smoothed cost is not smooth yet before this step
TAKEN_OVER = (
    "accelerator",
    "precision",
    "gradient_clip_val",
    "gradient_clip_algorithm",
    "accumulate_grad_batches",
    "deterministic",
)


def suggested_rate(session: TrainingSession) -> float:
    """Find a learning rate, print it, and draw how the cost depends on it, into lr_find.png beside the run's folder.

    The rate grows by the same factor with each of 100 mini-batches that train. What it suggests is where the cost
    falls fastest, over the logarithm of the rate. Only training images are used. The session's network has its
    weights again afterwards, but its data have begun; prepare another one to train.

    Args:
        session: What `prepare("fit", ...)` has built, not run yet.

    Raises:
        ValueError: if the session cannot be searched, matplotlib is missing, or the cost does not fall.
    """
    check_drawing()
    _check_session(session)
    rates, costs = _range_test(session)
    suggestion = steepest(rates, costs)
    folder = Path(session.config.trainer.default_root_dir) / session.config.name
    folder.mkdir(parents=True, exist_ok=True)
    picture = folder / "lr_find.png"
    replaced = ", in place of an older one" if picture.exists() else ""
    _draw(rates, costs, suggestion, picture)
    print(f"--model.optimizer.lr {suggestion} is suggested · {picture}{replaced}")
    return suggestion


def steepest(rates: list[float], costs: list[float]) -> float:
    """The rate, to two digits, at which the cost falls fastest over the logarithm of the rate, before its minimum.

    Lightning's own suggestion is where it falls fastest over the rate itself: there noise at the lowest rates wins.

    Raises:
        ValueError: if the cost does not fall.
    """
    finite = [cost if math.isfinite(cost) else math.inf for cost in costs[FIRST:]]
    end = finite.index(min(finite)) + 1 if finite else 0
    if end < 2:
        raise ValueError(
            f"lr_find suggests nothing: the cost did not fall with learning rates from {LOWEST:g} to {HIGHEST:g}; "
            "choose model.optimizer.lr by hand"
        )
    logarithms = torch.tensor(rates[FIRST : FIRST + end], dtype=torch.float64).log()
    slopes = torch.gradient(torch.tensor(finite[:end], dtype=torch.float64), spacing=[logarithms])[0]
    return float(f"{rates[FIRST + int(slopes.argmin())]:.2g}")


def _range_test(session: TrainingSession) -> tuple[list[float], list[float]]:
    """The rates, and after a step with each the smoothed cost; single steps, in a folder that is removed."""
    config: Any = session.config.trainer
    session.datamodule.steps_per_execution = 1
    with TemporaryDirectory() as folder:
        trainer = Trainer(
            **{name: config[name] for name in TAKEN_OVER},
            devices=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            max_epochs=-1,  # as many as the steps take
            check_val_every_n_epoch=10**9,
            num_sanity_val_steps=0,
            default_root_dir=folder,
        )
        try:
            found: Any = Tuner(trainer).lr_find(
                session.model,
                datamodule=session.datamodule,
                min_lr=LOWEST,
                max_lr=HIGHEST,
                num_training=STEPS,
                update_attr=False,
            )
        except FloatingPointError:  # the cost is infinite before it was seen to grow
            return rates_and_costs(trainer)
    return found.results["lr"], found.results["loss"]


def _check_session(session: TrainingSession) -> None:
    """See that there is a rate to find, and that a training would have it."""
    if session.checkpoint:
        raise ValueError("lr_find is for a new run, and ckpt_path continues one; leave one of them out")
    if session.trainer.world_size > 1:
        raise ValueError("lr_find takes its steps in one process; find the rate with --trainer.devices 1, then type it")
    optimizer = session.config.model.optimizer
    settings = optimizer.get("init_args") if isinstance(optimizer, Namespace) else None
    if "lr" not in (settings or {}):
        raise ValueError("lr_find needs an optimizer with a setting lr, such as SGD; choose another model.optimizer")
    if session.config.lr_find == "train" and session.model.scheduler:
        _check_scheduler(session)


def _check_scheduler(session: TrainingSession) -> None:
    """See that a schedule depends on the optimizer's rate, which those of cycles replace by their own."""
    starts = []
    for rate in (0.5, 0.25):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate, momentum=0.9)
        scheduler: Any = session.model.scheduler
        made = scheduler(optimizer)
        starts.append(optimizer.param_groups[0]["lr"])
    if starts[0] == starts[1]:
        raise ValueError(
            f"lr_find cannot train with {type(made).__name__}, which sets its own rates and ignores the optimizer's; "
            "use --lr_find suggest, and set its rates by hand"
        )


def _draw(rates: list[float], costs: list[float], suggestion: float, picture: Path) -> None:
    figure = new_figure(6, 4)
    axes = figure.add_subplot(xlabel="learning rate", ylabel="smoothed cost of a mini-batch", xscale="log")
    axes.plot(rates[FIRST:], costs[FIRST:])
    axes.axvline(suggestion, linestyle="--", color="tab:red", label=f"suggested: {suggestion:g}")
    axes.legend()
    with replaced_at_once(picture) as part:
        figure.savefig(part, dpi=150, format="png")
