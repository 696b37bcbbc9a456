"""What needs single mini-batches: blocks are taken only where they are known to give the same parameters."""

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import (
    DeviceStatsMonitor,
    LearningRateMonitor,
    ModelCheckpoint,
    OnExceptionCheckpoint,
    SpikeDetection,
    ThroughputMonitor,
    WeightAveraging,
)
from lightning.pytorch.plugins.precision import DoublePrecision, Precision
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch.optim import LBFGS, Optimizer

from mnist_mlp.lightning_internals.callback_list import callbacks_of
from mnist_mlp.lightning_internals.callback_settings import LearningRateSearch, saves_between_steps

GRADIENT_HOOKS = ("on_before_zero_grad", "on_before_backward", "on_after_backward", "on_before_optimizer_step")
BATCH_HOOKS = ("on_train_batch_start", "on_train_batch_end")
TRANSFER_HOOKS = ("on_before_batch_transfer", "transfer_batch_to_device", "on_after_batch_transfer")
STEP_METHODS = (
    "training_step",
    "rows_of",
    "cost_of",
    "backward",
    "optimizer_step",
    "optimizer_zero_grad",
    "lr_scheduler_step",
)
MODEL_METHODS = (*STEP_METHODS, *GRADIENT_HOOKS, *BATCH_HOOKS, *TRANSFER_HOOKS)
NETWORK_METHODS = ("forward", "loss", "penalized", "l1_penalty", "l2_penalty", "dropout_masks", "targets_as_values")

# Lightning's callbacks that act, measure or save after each mini-batch; its others act after an epoch, or only show.
NEED_SINGLE_STEPS = (
    DeviceStatsMonitor,
    LearningRateSearch,
    OnExceptionCheckpoint,
    SpikeDetection,
    ThroughputMonitor,
    WeightAveraging,
)


def obstacle_to_blocks(trainer: Trainer) -> str | None:
    """What needs every mini-batch to be a step of Lightning's own, or None.

    Args:
        trainer: The trainer, whose model, optimizers and callbacks are there.
    """
    obstacles = _obstacles_in_settings(trainer) + _obstacles_in_optimization(trainer)
    obstacles += _obstacles_in_model(trainer.lightning_module)
    data = getattr(trainer, "datamodule", None)
    obstacles += [(_method(data, name), data is not None and is_foreign(data, name)) for name in TRANSFER_HOOKS]
    for callback in callbacks_of(trainer):
        obstacles += _obstacles_in_callback(callback)
    return next((what for what, is_there in obstacles if is_there), None)


def _obstacles_in_settings(trainer: Trainer) -> list[tuple[str, bool]]:
    strategy = trainer.strategy
    of_ddp = vars(strategy) if isinstance(strategy, DDPStrategy) else {}
    return [
        (f"the strategy {type(strategy).__name__}", type(strategy) not in (SingleDeviceStrategy, DDPStrategy)),
        ("DDP with a communication hook", of_ddp.get("_ddp_comm_hook") is not None),
        ("DDP that averages models", of_ddp.get("_model_averaging_period") is not None),
        (f"precision {trainer.precision}", type(trainer.precision_plugin) not in (Precision, DoublePrecision)),
        ("val_check_interval", trainer.val_check_interval != 1.0 or trainer.check_val_every_n_epoch is None),
    ]


def _obstacles_in_optimization(trainer: Trainer) -> list[tuple[str, bool]]:
    obstacles = [
        (f"the optimizer {type(each).__name__}", getattr(each, "needs_single_steps", not calls_closure_once(each)))
        for each in trainer.optimizers
    ]
    for config in trainer.lr_scheduler_configs:
        if config.interval == "step":
            obstacles += [
                ("ReduceLROnPlateau with scheduler_interval step", config.reduce_on_plateau),
                (f"a scheduler with a frequency of {config.frequency} steps", config.frequency != 1),
            ]
    return obstacles


def calls_closure_once(optimizer: Optimizer) -> bool:
    """Whether a step is known to call its closure once, before all else, and so may be made without one.

    Those of torch do, but LBFGS; others, such as SAM, may take gradients at several points in one step.
    """
    methods = (getattr(type(optimizer), name) for name in ("step", "zero_grad"))
    are_torchs = all(method.__module__.startswith("torch.optim.") for method in methods)
    return are_torchs and not isinstance(optimizer, LBFGS)


def _obstacles_in_model(model: LightningModule) -> list[tuple[str, bool]]:
    obstacles = [("optimization by hand", not model.automatic_optimization)]
    network = model.get_submodule("mlp")
    for owner, names in ((model, MODEL_METHODS), (network, NETWORK_METHODS)):
        obstacles += [(_method(owner, name), is_foreign(owner, name)) for name in names]
    return obstacles


def _method(owner: object, name: str) -> str:
    return f"{name} of {type(owner).__name__}"


def is_foreign(owner: object, name: str) -> bool:
    """Whether a method is neither this project's nor Lightning's: a subclass's, or one that was put in its place."""
    if name in vars(owner):
        return True
    definer = next(each for each in type(owner).__mro__ if name in vars(each))
    modules = (definer.__module__, vars(definer)[name].__module__)
    return any(module.split(".")[0] not in ("lightning", "mnist_mlp") for module in modules)


def own_batch_hooks(callback: Callback) -> list[str]:
    """The hooks around a mini-batch that a user has written; where mini-batches come in blocks, one call is a block's.

    What this project or Lightning has written knows of blocks.
    """
    return [name for name in BATCH_HOOKS if is_foreign(callback, name)]


def _obstacles_in_callback(callback: Callback) -> list[tuple[str, bool]]:
    """What a callback does between mini-batches.

    A hook around the gradients is an obstacle, and so is one around a mini-batch where it is a user's own, unless the
    callback's attribute `needs_single_steps` says otherwise; and any callback can say by it that it needs single steps.
    """
    name = f"the callback {type(callback).__name__}"
    hooks = any(is_overridden(hook, callback, Callback) for hook in GRADIENT_HOOKS) or bool(own_batch_hooks(callback))
    obstacles = [
        (name, isinstance(callback, NEED_SINGLE_STEPS)),
        (name, getattr(callback, "needs_single_steps", hooks)),
    ]
    if isinstance(callback, ModelCheckpoint):
        obstacles.append((f"{name} with every_n_train_steps", saves_between_steps(callback)))
        obstacles.append((f"{name} with save_on_exception", callback.save_on_exception))
    if isinstance(callback, LearningRateMonitor):
        obstacles.append((f"{name} with logging_interval step", callback.logging_interval != "epoch"))
    return obstacles
