"""Optuna's study of a search, in a file of the run's directory."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from harness.errors import InputError
from harness.plan.combination import Chosen, parse, write
from harness.plugin import Optimization
from harness.tune.space import Space

FILE = "study.journal"
OBJECTIVES = ("time / stock", "peak memory, bytes", "cold start, ns")
State: TypeAlias = Literal["open", "whole", "stopped", "failed", "known"]
_IDENTITY = "identity"
_COMBINATION, _STATE, _WHY, _KEEPS = "combination", "state", "why", "keeps"


@dataclass(frozen=True)
class Outcome:
    """What became of a combination; ``known`` ones were measured by another run."""

    combination: str
    state: State
    why: str = ""  # it was stopped, or failed
    values: tuple[float, ...] = ()  # in the order of the objectives
    keeps: bool = True  # the constraints, as far as its values tell


@dataclass(frozen=True)
class Asked:
    """A combination that was drawn, with Optuna's trial."""

    combination: str
    trial: Any


def library() -> Any:
    """Optuna.

    Raises:
        InputError: it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise InputError(
            f"`uiebench tune` searches with Optuna, which cannot be imported ({error}); pip install 'uiebench[tune]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


class Study:
    """Draws combinations, and is told what they gave; whoever opens it holds the run's directory."""

    def __init__(self, directory: Path, seed: int) -> None:
        """Open the study, or make it.

        Args:
            directory: of the run.
            seed: of what is drawn.

        Raises:
            InputError: Optuna is not installed, or the file is no study of ours.
        """
        optuna, self.path = library(), directory / FILE
        self._states = optuna.trial.TrialState
        _mend(self.path)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                backend = optuna.storages.journal.JournalFileBackend(str(self.path), lock_obj=_Held())
                self._study = optuna.create_study(
                    study_name="tune",
                    storage=optuna.storages.JournalStorage(backend),
                    directions=["minimize"] * len(OBJECTIVES),
                    load_if_exists=True,
                )
                drawn = len(self._study.trials)
                # A search that goes on must not draw again what it drew before.
                self._study.sampler = optuna.samplers.TPESampler(seed=seed + drawn, multivariate=True, group=True)
            if len(self._study.directions) != len(OBJECTIVES):
                raise ValueError(f"it has {len(self._study.directions)} objectives, not {len(OBJECTIVES)}")
        except Exception as error:  # whatever a spoilt file makes Optuna raise
            raise InputError(
                f"the study file {str(self.path)!r} cannot be read ({type(error).__name__}: {error}); --fresh begins "
                "another search, and what this one measured stays beside the file, in records.jsonl"
            ) from None

    @property
    def identity(self) -> dict[str, Any] | None:
        """What the search is of; None where that was not written yet."""
        found = self._study.user_attrs.get(_IDENTITY)
        return found if isinstance(found, dict) else None

    def begin(self, identity: Mapping[str, Any]) -> None:
        """Write down what the search is of."""
        self._study.set_user_attr(_IDENTITY, dict(identity))

    def outcomes(self) -> dict[str, Outcome]:
        """What became of every combination that was drawn, the first time that it was."""
        found: dict[str, Outcome] = {}
        for trial in self._study.get_trials(deepcopy=False):
            said = trial.user_attrs
            if _COMBINATION in said:
                name, state = str(said[_COMBINATION]), said.get(_STATE, "open")
                values = tuple(trial.values) if trial.values else ()
                one = Outcome(name, state, str(said.get(_WHY, "")), values, bool(said.get(_KEEPS, True)))
                found.setdefault(name, one)
        return found

    def left_open(self) -> Asked | None:
        """The combination that an interrupted search was at; what it had not yet drawn whole is given up."""
        optuna = library()
        found = None
        for trial in self._study.get_trials(deepcopy=False, states=(self._states.RUNNING,)):
            if _COMBINATION in trial.user_attrs and found is None:
                found = Asked(trial.user_attrs[_COMBINATION], optuna.trial.Trial(self._study, trial._trial_id))
            else:
                self._study.tell(trial.number, state=self._states.FAIL)
        return found

    def ask(self, space: Space, dropped: Sequence[str], wanted: Sequence[Chosen] | None = None) -> Asked:
        """Draw a combination, or the one that is wanted.

        Args:
            space: what there is.
            dropped: optimizations that turned out not to run here.
            wanted: one of the space.
        """
        if wanted is not None:
            self._study.enqueue_trial(space.placed(wanted))
        trial = self._study.ask()
        name = write(space.drawn(trial, dropped))
        return Asked(name, trial)

    def take(self, asked: Asked) -> None:
        """Write down that a combination is measured now."""
        asked.trial.set_user_attr(_COMBINATION, asked.combination)

    def tell(self, asked: Asked, outcome: Outcome, excess: Mapping[str, float]) -> None:
        """Write down what a combination gave.

        One that was stopped counts as measured: its rounds are as unbiased as any others, only fewer.

        Args:
            asked: the combination.
            outcome: its values, and what became of it.
            excess: by constraint, how far beyond it is, as a share of the limit.
        """
        asked.trial.set_user_attr(_STATE, outcome.state)
        asked.trial.set_user_attr(_WHY, outcome.why)
        asked.trial.set_user_attr(_KEEPS, outcome.keeps)
        if not outcome.values:
            self._study.tell(asked.trial, state=self._states.FAIL)
            return
        for name, value in excess.items():
            asked.trial.set_constraint(name, value)
        self._study.tell(asked.trial, list(outcome.values))

    def again(self, asked: Asked, outcome: Outcome | None) -> None:
        """A combination was drawn that is known already, or that is none; it is not measured again."""
        if outcome is not None and outcome.values:
            self._study.tell(asked.trial, list(outcome.values))
        else:
            self._study.tell(asked.trial, state=self._states.FAIL)

    def know(
        self, space: Space, registry: Mapping[str, Optimization[Any]], combination: str, values: Sequence[float]
    ) -> None:
        """Add what another run measured.

        Raises:
            InputError: the combination is not in the space.
        """
        optuna = library()
        drawn = _Noted(space.placed(parse(combination, registry)))
        space.drawn(drawn)
        self._study.add_trial(
            optuna.trial.create_trial(
                params=drawn.params,
                distributions=drawn.distributions,
                values=list(values),
                user_attrs={_COMBINATION: combination, _STATE: "known"},
            )
        )


class _Noted:
    """Draws what is given, and notes what from."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given, self.params, self.distributions = given, dict[str, Any](), dict[str, Any]()

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        self.distributions[name] = library().distributions.CategoricalDistribution(choices)
        self.params[name] = self._given[name]
        return self.params[name]

    def suggest_int(self, name: str, low: int, high: int) -> int:
        self.distributions[name] = library().distributions.IntDistribution(low, high)
        self.params[name] = self._given[name]
        return int(self.params[name])


def _mend(path: Path) -> None:
    """Cut off a last line that a killed process did not write whole."""
    if path.is_file() and not (data := path.read_bytes()).endswith(b"\n"):
        path.write_bytes(data[: data.rfind(b"\n") + 1])


class _Held:
    """The lock of a file whose directory is held anyway: a killed process leaves none behind."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass
