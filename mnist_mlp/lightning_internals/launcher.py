"""How Lightning starts the other processes of a run, and what it does where one of them ends."""

from collections.abc import Callable
from typing import Any, cast

from lightning import Trainer
from lightning.pytorch.strategies.launchers.subprocess_script import _SubprocessScriptLauncher
from typing_extensions import override


class UnwatchedLauncher(_SubprocessScriptLauncher):
    """Start the other processes, without the thread that kills this one within five seconds of the end of one.

    Relies on Lightning starting that thread only where it has started the processes itself, and on the environment
    saying that they are there once they are.
    """

    @override
    def launch(self, function: Callable, *args: Any, trainer: Trainer | None = None, **kwargs: Any) -> Any:
        if not self.cluster_environment.creates_processes_externally:
            self._call_children_scripts()
        return super().launch(function, *args, trainer=trainer, **kwargs)


def leave_the_end_of_processes_alone(trainer: Trainer) -> UnwatchedLauncher | None:
    """Let Lightning neither kill this process where another one ends, nor talk to the others in a signal's handler.

    For a SIGTERM it calls `broadcast` from the handler, in the middle of whatever the processes tell each other: they
    then wait for each other for ever. Relies on `strategy._launcher`, and on `_signal_connector`, its
    `_sigterm_notifier_fn` and `received_sigterm`, for which the loops look after each mini-batch.

    Returns:
        What starts the other processes, in whose `procs` they are from then on; None where others start them.
    """
    connector = trainer._signal_connector

    def note(signum: int, frame: object) -> None:
        connector.received_sigterm = True

    cast(Any, connector)._sigterm_notifier_fn = note
    launcher = trainer.strategy.launcher
    if type(launcher) is not _SubprocessScriptLauncher or launcher.cluster_environment.creates_processes_externally:
        return None
    own = UnwatchedLauncher(launcher.cluster_environment, launcher.num_processes, launcher.num_nodes)
    trainer.strategy._launcher = own
    return own
