"""Stopping rules, one file each: ``NAME.py`` with SAID, a function ``ends``, and for a rule about ratios ``looks``.

``ends(seen)`` says whether a combination has enough rounds. ``looks(measure)`` says after how many rounds the rule
looks at ratios: it is asked only then, and all looks of a suite's rules share the error of 5 %. A rule without
``looks`` is asked after every round, and sees no ratios. ``SAID`` follows the number of combinations in a report, like
"precise enough": the same words for one and for many. Our own rules are part of every suite.

Another distribution adds a rule by a module of that shape in the entry point ``uiebench.stopping``. It is asked where a
suite names it: ``[measure] stopping = ["NAME"]``. Where it breaks, it ends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from types import ModuleType

from harness.analyse.stats import ALPHA, Spread
from harness.errors import InputError, SuiteError, unknown
from harness.extensions import check_shape, collect, left_out, modules
from harness.plan.suite import Measure

GROUP = "uiebench.stopping"


@dataclass(frozen=True)
class Seen:
    """What is known of one combination after a round."""

    combination: str
    measure: Measure  # what its suite asks for
    rounds: int  # made so far, those that failed too
    ratios: Sequence[float]  # log ratios of its times to its partner's, one a round that gave times
    spread: Spread  # of one of them
    alpha: float = ALPHA  # the level of an interval, so that all looks together err in 5 % of cases


@dataclass(frozen=True)
class Rule:
    """One rule."""

    name: str
    said: str  # of the combinations that it ended, after their number
    ends: Callable[[Seen], bool]
    looks: Callable[[Measure], Sequence[int]] | None  # None: it sees no ratios


@dataclass(frozen=True)
class Chosen:
    """The rules of a suite, and after how many rounds each looks at ratios."""

    rules: tuple[tuple[Rule, tuple[int, ...]], ...]

    @property
    def looks(self) -> tuple[int, ...]:
        """After how many rounds any of them looks at ratios."""
        return tuple(sorted({look for _, looks in self.rules for look in looks}))

    def ended(self, seen: Seen) -> str | None:
        """The name of the rule by which a combination has enough rounds; None if it has not."""
        seen = replace(seen, alpha=ALPHA / max(1, len(self.looks)))
        return next((rule.name for rule, looks in self.rules if _ends(rule, looks, seen)), None)


def rules_of(measure: Measure) -> Chosen:
    """Our own rules, and those that a suite names.

    Raises:
        SuiteError: a suite names a rule that is not there, or one that cannot say when it looks.
    """
    ours = _ours()
    known = rules() if measure.stopping else ours
    for name in measure.stopping:
        if name not in known:
            raise SuiteError(f"[measure] stopping: {unknown('stopping rule', name, known)}")
    names = dict.fromkeys((*ours, *measure.stopping))
    return Chosen(tuple((known[name], _looks(known[name], measure)) for name in names))


def _ends(rule: Rule, looks: Sequence[int], seen: Seen) -> bool:
    if rule.looks is None:
        return rule.ends(replace(seen, ratios=()))
    return len(seen.ratios) in looks and rule.ends(seen)


def said_of(name: str) -> str:
    """What a report says of the combinations that a rule ended, after their number."""
    ours = _ours()
    known = ours if name in ours else rules()
    return known[name].said if name in known else f"ended by the stopping rule {name!r}"


def _ours() -> dict[str, Rule]:
    return {name: _rule(name, module) for name, module in modules(__name__).items()}


def rules() -> dict[str, Rule]:
    """All rules by name: ours first, then those of other distributions that can be used."""
    return collect(GROUP, "stopping rule", _ours(), _strange)


def _rule(name: str, module: ModuleType) -> Rule:
    return Rule(name, module.SAID, module.ends, getattr(module, "looks", None))


def _looks(rule: Rule, measure: Measure) -> tuple[int, ...]:
    try:
        found = () if rule.looks is None else tuple(rule.looks(measure))
    except (Exception, SystemExit) as error:  # another distribution's may raise anything
        raise SuiteError(f"the stopping rule {rule.name!r} cannot say when it looks: {error!r}") from error
    if not all(isinstance(look, int) and look > 0 for look in found):
        raise SuiteError(f"the stopping rule {rule.name!r} looks after {found!r}, and not after numbers of rounds")
    return tuple(look for look in found if look <= measure.rounds)


def _strange(point: EntryPoint) -> Rule:
    """Another distribution's.

    Raises:
        InputError: it does not have the shape of one.
    """
    module = point.load()
    check_shape(module, ("SAID",), ("ends",))
    found = _rule(point.name, module)
    if not (found.looks is None or callable(found.looks)):
        raise InputError("looks has to be a function")

    def ends(seen: Seen) -> bool:
        try:
            return bool(found.ends(seen))
        except (Exception, SystemExit) as error:
            left_out(GROUP, found.name, error)
            return False

    return replace(found, ends=ends)
