"""The trials of a search, which several processes on several machines may train at once, and go on with later."""

import socket
import uuid
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import optuna
from filelock import FileLock, Timeout
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, Trial, TrialState

from mnist_mlp.sweep.search import Search
from mnist_mlp.sweep.space import Choices, Parameter
from mnist_mlp.sweep.study_file import damaged_study, open_study

PROCESS = "process "  # and an id: the attribute of a study by which a process says that it takes part
OWNER, SECONDS, ERROR, ABANDONED = "owner", "seconds", "error", "abandoned"  # attributes of a trial

COMPLETE, PRUNED, DIVERGED, LATE = "complete", "pruned", "diverged", "late"


class Outcome(NamedTuple):
    """What came of the training of a trial.

    Attributes:
        ending: COMPLETE, PRUNED, DIVERGED, or LATE where the time was over before its end.
        curve: The accuracy on the validation images, a fraction, by epochs, counted from 0.
        seconds: What it took of one core's time.
    """

    ending: str
    curve: dict[int, float]
    seconds: float


def distribution_of(parameter: Parameter) -> BaseDistribution:
    """A parameter as Optuna has it."""
    if isinstance(parameter, Choices):
        return CategoricalDistribution(parameter.labels)
    low, high, step, log = parameter.low, parameter.high, parameter.step, parameter.log
    if parameter.is_whole:
        return IntDistribution(int(low), int(high), log, int(step or 1))
    return FloatDistribution(low, high, log, step)


class SharedStudy:
    """A study in a file, and this process as one of those that have its trials trained.

    Use it as a context manager around the trials. A process holds a lock while it takes part, which ends with it,
    however it ends; so others see which trials nobody trains any longer, and have them trained again.

    Args:
        path: The file; its folder must exist.
        search: What is looked for.
        seed: That of Optuna's draws. Each process that takes part, at the same time or later, draws others.

    Attributes:
        study: Optuna's.
        lock_file: What this process locks, a file beside the study's.

    Raises:
        ValueError: if the file holds another search, something else, or damage.
    """

    def __init__(self, path: Path, search: Search, seed: int) -> None:
        self._path, self._seed = path, seed
        self._distributions = {name: distribution_of(each) for name, each in search.parameters.items()}
        self.study, self._storage = open_study(path, search.digest)
        for trial in self.study.trials:
            is_known = trial.params.keys() == self._distributions.keys()
            is_measured = trial.state is not TrialState.COMPLETE or trial.intermediate_values
            if trial.state in (TrialState.COMPLETE, TrialState.PRUNED) and not (is_known and is_measured):
                raise damaged_study(path, f"trial {trial.number} lacks values")
        self._id = uuid.uuid4().hex
        self._lock = self._lock_of(self._id)
        self.lock_file = Path(self._lock.lock_file)

    def _lock_of(self, process: str) -> FileLock:
        return FileLock(self._path.with_name(f".{self._path.name}.{process}.lock"), timeout=0)

    def __enter__(self) -> Self:
        self._lock.acquire()
        self.study.set_user_attr(PROCESS + self._id, socket.gethostname())
        processes = [name for name in self.study.user_attrs if name.startswith(PROCESS)]
        numbers = np.random.SeedSequence([self._seed, processes.index(PROCESS + self._id)])
        self.study.sampler = TPESampler(seed=int(numbers.generate_state(1)[0]), multivariate=True, constant_liar=True)
        return self

    def __exit__(self, *error: object) -> None:
        self._give_back_all_of(self._id)
        self._lock.release()
        self.lock_file.unlink(missing_ok=True)

    def ask(self, most: int) -> Trial | None:
        """The next trial, with a value for each parameter, or None where there are so many trials already.

        Those that nobody trains any longer come again first, and do not count twice.
        """
        self._take_over()
        if not self.left(most):
            return None
        trial = self.study.ask(self._distributions)
        trial.set_user_attr(OWNER, self._id)
        return trial

    def left(self, most: int) -> int:
        """How many trials may still be asked for, where there are to be so many."""
        return max(0, most - sum(self._counts(trial) for trial in self.study.trials))

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Keep what came of a trial; one that was late is trained again from its start, by whoever asks next."""
        known = self.frozen(trial.number).intermediate_values
        for epoch, accuracy in outcome.curve.items():
            if epoch not in known:  # its worker could not see the file
                trial.report(accuracy, epoch)
        if outcome.ending == LATE:
            self._give_back(trial.number)
            return
        trial.set_user_attr(SECONDS, round(outcome.seconds, 3))
        if outcome.ending == COMPLETE:
            self.study.tell(trial, max(outcome.curve.values()))
        else:
            trial.set_user_attr(outcome.ending, True)
            self.study.tell(trial, state=TrialState.PRUNED)

    def tell_error(self, trial: Trial, error: str) -> None:
        """Keep that a trial failed, and why."""
        trial.set_user_attr(ERROR, error)
        self.study.tell(trial, state=TrialState.FAIL)

    def frozen(self, number: int) -> FrozenTrial:
        """A trial as it is now."""
        return self._storage.get_trial(_storage_id(self.study, self._storage, number))

    def ended(self) -> list[FrozenTrial]:
        """All trials that were trained to an end, or failed."""
        return [trial for trial in self.study.trials if trial.state.is_finished() and self._counts(trial)]

    def _counts(self, trial: FrozenTrial) -> bool:
        """Whether it is one of those that are asked for: not one that waits, or that nobody trains any longer."""
        if trial.state is TrialState.RUNNING:
            return OWNER in trial.user_attrs
        return trial.state is not TrialState.WAITING and ABANDONED not in trial.user_attrs

    def _take_over(self) -> None:
        """Give back the trials of processes that have ended without a word."""
        running = self.study.get_trials(states=(TrialState.RUNNING,))
        for owner in {trial.user_attrs.get(OWNER) for trial in running} - {None, self._id}:
            lock = self._lock_of(str(owner))
            try:
                with lock:
                    self._give_back_all_of(str(owner))
            except Timeout:
                continue
            Path(lock.lock_file).unlink(missing_ok=True)

    def _give_back_all_of(self, owner: str) -> None:
        for trial in self.study.get_trials(states=(TrialState.RUNNING,)):
            if trial.user_attrs.get(OWNER) == owner:
                self._give_back(trial.number)

    def _give_back(self, number: int) -> None:
        """Let the values of a trial come again, in a trial of their own."""
        trial = self.frozen(number)
        self._storage.set_trial_user_attr(_storage_id(self.study, self._storage, number), ABANDONED, True)
        self.study.tell(number, state=TrialState.FAIL)
        self.study.enqueue_trial(trial.params)


class TrialInFile:
    """A trial that another process has asked for, as the one that trains it sees it.

    Args:
        path: The study's file.
        name: The study's.
        number: The trial's.
    """

    def __init__(self, path: Path, name: str, number: int) -> None:
        self._study, self._storage = open_study(path, name)
        self._id = _storage_id(self._study, self._storage, number)

    def report(self, epoch: int, accuracy: float) -> bool:
        """Keep the accuracy after an epoch, counted from 0, and say whether the trial is hopeless.

        That is where its best accuracy so far is below the median of what complete trials had after this epoch.
        """
        self._storage.set_trial_intermediate_value(self._id, epoch, accuracy)
        return self._study.pruner.prune(self._study, self._storage.get_trial(self._id))


def _storage_id(study: optuna.Study, storage: Any, number: int) -> int:
    return storage.get_trial_id_from_study_id_trial_number(storage.get_study_id_from_name(study.study_name), number)
