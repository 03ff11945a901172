"""What a search chooses from: optimizations that are off or on, and the parameters of those that are on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Protocol

import msgspec

from harness.errors import InputError, SuiteError, unknown
from harness.plan.cells import plan_cells
from harness.plan.combination import Chosen, conflict, parse, write
from harness.plan.suite import Combinations, Suite
from harness.plugin import Optimization

# A whole number is tried at these multiples of its default: the same range as log-uniform draws have, and few enough
# values for what was learnt of one to be met again.
MULTIPLES = (0.25, 0.5, 1, 2, 4)
_LISTINGS = "as_published"  # the guide's own code is there to be measured; nobody wants to switch it on
_WRITABLE = (bool, int, float, str)  # what a combination can say


class Drawing(Protocol):
    """What is asked of Optuna's trial."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of some values without an order."""
        ...

    def suggest_int(self, name: str, low: int, high: int) -> int:
        """A whole number, both ends included."""
        ...


@dataclass(frozen=True)
class Knob:
    """A parameter, and the values that are tried of it; numbers are in order."""

    name: str
    choices: tuple[Any, ...]
    default: Any

    @property
    def ordered(self) -> bool:
        """Whether a value tells something of its neighbours."""
        return all(isinstance(one, int | float) and not isinstance(one, bool) for one in self.choices)


@dataclass(frozen=True)
class Switch:
    """An optimization that is off or on, with what can be set where it is on."""

    optimization: Optimization[Any]
    knobs: tuple[Knob, ...]

    @property
    def name(self) -> str:
        """The optimization's."""
        return self.optimization.name


@dataclass(frozen=True)
class Space:
    """All switches, in the order of stages, and why the other optimizations are not among them."""

    switches: tuple[Switch, ...]
    left_out: Mapping[str, str]

    @property
    def described(self) -> list[list[Any]]:
        """What decides which combinations can be drawn, and what the numbers in a study mean."""
        return [[one.name, *([knob.name, *map(repr, knob.choices)] for knob in one.knobs)] for one in self.switches]

    def drawn(self, trial: Drawing, dropped: Collection[str] = ()) -> list[Chosen]:
        """A combination; what conflicts with it already is not asked for.

        Args:
            trial: draws each switch, and the parameters of those that are on.
            dropped: optimizations that stay off.
        """
        chosen: list[Chosen] = []
        for switch in self.switches:
            if switch.name in dropped or conflict([*chosen, (switch.optimization, {})]):
                continue
            if trial.suggest_categorical(switch.name, (False, True)):
                chosen.append((switch.optimization, _drawn(trial, switch)))
        return chosen

    def placed(self, chosen: Sequence[Chosen]) -> dict[str, Any]:
        """What draws exactly this combination.

        Raises:
            InputError: it cannot be drawn.
        """
        wanted = {one.name: arguments for one, arguments in chosen}
        if clash := conflict(chosen):
            raise InputError(clash)
        if missing := [name for name in wanted if name not in {one.name for one in self.switches}]:
            raise InputError(f"{missing[0]} is left out ({self.left_out.get(missing[0], 'it is not searched')})")
        found: dict[str, Any] = {one.name: one.name in wanted for one in self.switches}
        for switch in self.switches:
            arguments = wanted.get(switch.name, {})
            if strange := set(arguments) - {knob.name for knob in switch.knobs}:
                raise InputError(f"{switch.name}: {sorted(strange)[0]} is not searched")
            for knob in switch.knobs if switch.name in wanted else ():
                value = arguments.get(knob.name, knob.default)
                if value not in knob.choices:
                    raise InputError(f"{switch.name}: {knob.name} = {value!r} is not searched")
                found[f"{switch.name}.{knob.name}"] = knob.choices.index(value) if knob.ordered else value
        return found

    def together(self, avoided: Collection[str] = ()) -> list[str]:
        """All that go together, for each that has rivals."""
        able = self._able(avoided)
        found: dict[str, None] = {}
        for first in able:
            company = [first]
            for other in able:
                if other is not first and not conflict([(one.optimization, {}) for one in (*company, other)]):
                    company.append(other)
            found.setdefault(_plain(company))
        return list(found)

    def alone(self, avoided: Collection[str] = ()) -> list[str]:
        """Each without any other."""
        return [_plain([one]) for one in self._able(avoided)]

    def _able(self, avoided: Collection[str]) -> list[Switch]:
        return [one for one in self.switches if one.name not in avoided]


def find_space(
    registry: Mapping[str, Optimization[Any]],
    suite: Suite,
    device: str,
    *,
    inexact: bool,
    skip: Sequence[str] = (),
    seeds: Sequence[str] = (),
) -> Space:
    """What can be searched here.

    Args:
        registry: all optimizations.
        suite: whose combinations name the optimizations to search; where it names none, all but the guide's listings.
        device: where they will run.
        inexact: whether those take part that may change answers.
        skip: patterns of optimizations that are left out.
        seeds: combinations whose values of parameters are tried too.

    Raises:
        InputError: nothing is left to search.
        SuiteError: an optimization that the suite names is not there.
    """
    if idle := [pattern for pattern in skip if not any(fnmatch(name, pattern) for name in registry)]:
        raise InputError(f"--skip: {unknown('optimization', idle[0], registry)}; * stands for any characters")
    named = [one.name for written in suite.combinations.optimizations for one, _ in parse(written, registry)]
    found, left_out = [], {}
    every = [name for name, one in registry.items() if Path(one.source).parent.name != _LISTINGS]
    for name in sorted(named or every, key=lambda name: (registry[name].stage, name)):
        one = registry[name]
        knobs: tuple[Knob, ...] = ()
        try:
            why = _why_not(one, suite, registry, device, skip)
            knobs = _knobs(one, inexact, [] if why else _values(one, seeds, registry))
            if not (why or inexact or one.exact or knobs):
                why = "it may change answers (--inexact lets it in)"
        except SuiteError as error:
            why = str(error)
        if why:
            left_out[name] = why
        else:
            found.append(Switch(one, knobs))
    if not found:
        told = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise InputError(f"there is no optimization to search ({told or 'none is installed'})")
    return Space(tuple(found), left_out)


def _why_not(
    one: Optimization[Any], suite: Suite, registry: Mapping[str, Optimization[Any]], device: str, skip: Sequence[str]
) -> str | None:
    if any(fnmatch(one.name, pattern) for pattern in skip):
        return "--skip"
    alone = msgspec.structs.replace(suite, combinations=Combinations(design="explicit", include=[one.name]))
    planned = plan_cells(alone, registry, device)[-1]
    return planned.reason or planned.fault


def _knobs(one: Optimization[Any], inexact: bool, seeds: Sequence[Mapping[str, Any]]) -> tuple[Knob, ...]:
    """The parameters that are searched; in an exact search those values alone that keep the promise."""
    found = []
    for name, parameter in one.parameters.items():
        default = parameter.default
        choices = [*_around(one, name, default), *(seed[name] for seed in seeds if name in seed)]
        if strange := [value for value in choices if not isinstance(value, _WRITABLE)]:
            raise SuiteError(f"its parameter {name} cannot be searched at {strange[0]!r}: write numbers, bools or text")
        kept = [value for value in dict.fromkeys(choices) if inexact or one.promises({name: value})]
        if all(isinstance(value, int | float) for value in kept):
            kept = sorted(kept)
        if kept and kept != [default]:
            found.append(Knob(name, tuple(kept), default))
    return tuple(found)


def _around(one: Optimization[Any], name: str, default: Any) -> Sequence[Any]:
    """The values that the optimization declares, or those around the default."""
    if name in one.tunable:
        return list(one.tunable[name])
    if isinstance(default, bool):
        return [False, True]
    if isinstance(default, int) and default > 0:
        return [max(1, round(default * multiple)) for multiple in MULTIPLES]
    return []


def _values(
    one: Optimization[Any], seeds: Sequence[str], registry: Mapping[str, Optimization[Any]]
) -> list[Mapping[str, Any]]:
    """The parameters that it has in some combinations."""
    return [arguments for seed in seeds for chosen, arguments in parse(seed, registry) if chosen.name == one.name]


def _drawn(trial: Drawing, switch: Switch) -> dict[str, Any]:
    """Parameters; a default is not written, so that a combination is written in one way."""
    found = {}
    for knob in switch.knobs:
        name = f"{switch.name}.{knob.name}"
        if knob.ordered:
            value = knob.choices[trial.suggest_int(name, 0, len(knob.choices) - 1)]
        else:
            value = trial.suggest_categorical(name, knob.choices)
        if value != knob.default:
            found[knob.name] = value
    return found


def _plain(switches: Sequence[Switch]) -> str:
    """A combination with its default parameters, or the first that is searched where the default is not."""
    chosen = [
        (one.optimization, {knob.name: knob.choices[0] for knob in one.knobs if knob.default not in knob.choices})
        for one in sorted(switches, key=lambda one: (one.optimization.stage, one.name))
    ]
    return write(chosen)
